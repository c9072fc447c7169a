mod crashes;
mod flows;
mod jobs;
mod kit;
mod lives;
mod many;
