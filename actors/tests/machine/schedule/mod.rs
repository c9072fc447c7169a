mod crashes;
mod flows;
mod kit;
mod lives;
mod many;
