//! The first start and what it prints, later starts, and those that are refused.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::assert_refused;
use crate::support::ORG;
use crate::support::binary::{House, PROGRAM, Server, run};
use crate::support::client::Client;

/// What a first start prints, all of it.
struct Greeting(String);

impl Greeting {
    fn of(server: &Server) -> Self {
        Self(
            server.printed(|text| (text.contains("curl") && text.ends_with("\n\n")).then(|| text.to_owned())),
        )
    }

    /// What stands on the line that begins with this word.
    fn line(&self, word: &str) -> &str {
        let line = self.0.lines().find_map(|line| line.trim_start().strip_prefix(word));
        line.unwrap_or_else(|| panic!("no line for {word} in {}", self.0)).trim()
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_closed_folder_and_a_closed_secret() {
    let house = House::new();
    assert!(!house.data().exists());
    let server = house.start();
    assert_eq!(mode(&house.data()), 0o700);
    assert_eq!(mode(&house.data().join("secret.key")), 0o600);
    let secret = std::fs::read(house.data().join("secret.key")).unwrap();
    assert_eq!(secret.len(), 32);
    server.stop();
    house.start().stop();
    assert_eq!(std::fs::read(house.data().join("secret.key")).unwrap(), secret, "it is made once");
}

#[test]
fn the_printed_password_signs_in() {
    let house = House::new();
    let server = house.start();
    let greeting = Greeting::of(&server);
    let (email, password) = (greeting.line("e-mail"), greeting.line("password"));
    let visitor = Client::visitor(&server.base, ORG);
    let session = visitor.post("/profile/user/signin", &json!({"email": email, "password": password}), 200);
    let session = session.json();
    let token = session["token"].as_str().unwrap();
    let me = Client::signed(&server.base, ORG, token).get("/profile/whoami", 200).json();
    assert_eq!((&me["email"], &me["orgId"]), (&json!(email), &json!(ORG)));
    assert_eq!(me["roles"], json!(["Owner"]));
    visitor.post("/profile/user/signin", &json!({"email": email, "password": "2kpfc-sbp7h-rt6nw"}), 401);
    server.stop();
}

#[test]
fn the_printed_link_signs_in_once() {
    let house = House::new();
    let server = house.start();
    let greeting = Greeting::of(&server);
    let page = greeting.line("page").split_whitespace().next().unwrap();
    let token = page.strip_prefix(&format!("{}/#link=", server.base)).unwrap();
    let visitor = Client::visitor(&server.base, ORG);
    let session = visitor.post("/profile/link/signin", &json!({"token": token}), 200).json();
    let me = Client::signed(&server.base, ORG, session["token"].as_str().unwrap());
    assert_eq!(me.get("/profile/whoami", 200).json()["email"], greeting.line("e-mail"));
    visitor.post("/profile/link/signin", &json!({"token": token}), 401);
    // A link is for signing in, and for nothing else.
    Client::signed(&server.base, ORG, token).get("/profile/whoami", 401);
    server.stop();
}

#[test]
fn the_printed_curl_line_works_as_printed() {
    let house = House::new();
    let server = house.start();
    let greeting = Greeting::of(&server);
    let script = greeting.0.split_once("Try it:\n").unwrap().1;
    let ended = run(house.elsewhere("sh", &["-e", "-c", script]), b"");
    assert!(ended.status.success(), "{script}\n{ended:?}");
    let answer: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let path = format!("/events/{}", answer["id"].as_str().unwrap());
    let event = house.owner(&server).get(&path, 200).json();
    assert_eq!((&event["event"], &event["data"]), (&json!("hello.world"), &json!({"from": "curl"})));
    server.stop();
}

#[test]
fn the_printed_curl_line_works_from_odd_places() {
    let house = House::new();
    let folder = house.beside("it's my \"app\" $HOME");
    std::fs::create_dir(&folder).unwrap();
    let (program, config) = (folder.join("appengine"), folder.join("my.toml"));
    std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
    std::fs::write(&config, "[auth]\nowner_email = \"o'neill@example.com\"\n[log]\nfilter = \"off\"\n")
        .unwrap();
    let program = program.display().to_string();
    // Both by names that mean something else in another folder.
    let house = house.with("STORE__PATH", "it's my \"app\" $HOME/data");
    let config = "it's my \"app\" $HOME/my.toml";
    let server = house.launch_as(&program, &["serve", "--config", config]).ready();
    let greeting = Greeting::of(&server);
    assert_eq!(greeting.line("e-mail"), "o'neill@example.com");
    let script = greeting.0.split_once("Try it:\n").unwrap().1;
    let ended = run(house.elsewhere("sh", &["-e", "-c", script]), b"");
    assert!(ended.status.success() && ended.out.contains("evt_"), "{script}\n{ended:?}");
    server.stop();
}

#[test]
fn a_token_that_makes_a_folder_says_so() {
    let house = House::new();
    let arguments = ["token", "--org", ORG, "--email", "a@example.com"];
    let first = house.run(&arguments);
    assert!(first.status.success() && first.out.lines().count() == 1, "{first:?}");
    assert!(first.err.contains(&house.data().display().to_string()), "{}", first.err);
    assert_eq!(house.run(&arguments).err, "", "it is made once");
}

#[test]
fn later_starts_print_no_secret() {
    let house = House::new();
    let server = house.start();
    let first = Greeting::of(&server);
    server.kill();
    let server = house.start();
    let out = server.printed(|text| text.ends_with("\n\n").then(|| text.to_owned()));
    assert!(out.contains(&server.base) && out.contains("appengine token --org my-org"), "{out}");
    for secret in [first.line("password"), "password", "link=", "eyJ"] {
        assert!(!out.contains(secret), "{secret} in {out}");
    }
    server.stop();
}

#[test]
fn no_secret_is_ever_logged() {
    let house = House::new().with("LOG__FILTER", "trace");
    let server = house.start();
    let greeting = Greeting::of(&server);
    let (email, password) = (greeting.line("e-mail").to_owned(), greeting.line("password").to_owned());
    let visitor = Client::visitor(&server.base, ORG);
    let body = json!({"email": email, "password": password});
    let session = visitor.post("/profile/user/signin", &body, 200).json();
    let token = session["token"].as_str().unwrap();
    let owner = Client::signed(&server.base, ORG, token);
    let webhooks = owner.get("/webhooks/secret", 200).json();
    owner.post("/events", &json!({"event": "a.b", "data": {"word": "neverlogged"}}), 202);
    server.terminate();
    let ended = server.wait();
    assert!(ended.err.contains("DEBUG"), "the log is not at its most talkative: {}", ended.err);
    let secrets = [
        password.as_str(),
        token,
        session["refreshToken"].as_str().unwrap(),
        webhooks["secret"].as_str().unwrap(),
        greeting.line("page"),
        "neverlogged",
    ];
    for secret in secrets {
        // As text, and as a dump prints the bytes of what is stored.
        let dumped: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        let dumped = dumped.join(", ");
        let line = ended.err.lines().find(|line| line.contains(secret) || line.contains(&dumped));
        assert!(line.is_none(), "{secret} stands in the log: {line:?}");
    }
}

#[test]
fn a_second_server_on_the_folder_is_refused() {
    let house = House::new();
    let server = house.start();
    let refused = house.run(&["serve"]);
    assert_refused(&refused, &["use the data folder", "stop that process first", "store.path"]);
    // With no argument the program serves too.
    assert_refused(&house.run(&[]), &["stop that process first"]);
    house.owner(&server).get("/profile/whoami", 200);
    server.stop();
    house.start().stop();
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let house = House::new().with("SERVER__LISTEN", &address);
    assert_refused(&house.run(&["serve"]), &[&format!("listen on {address}"), "server.listen"]);
    drop(taken);
    house.start().stop();
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let house = House::new();
    std::fs::write(house.beside("file"), "").unwrap();
    let path = house.beside("file").join("data").display().to_string();
    let house = house.with("STORE__PATH", &path);
    assert_refused(&house.run(&["serve"]), &["make the data folder", &path]);
}

#[test]
fn a_secret_that_others_may_read_is_refused() {
    let house = House::new();
    house.start().stop();
    let secret = house.data().join("secret.key");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).unwrap();
    assert_refused(&house.run(&["serve"]), &["use the secret", "chmod 600"]);
    assert_refused(&house.run(&["token", "--org", ORG, "--email", "a@example.com"]), &["chmod 600"]);
}

#[test]
fn the_program_says_what_it_can_do() {
    let house = House::new();
    let help = house.run(&["--help"]);
    assert!(help.status.success());
    let commands =
        ["serve", "demo", "check-config", "default-config", "token", "user", "export", "import", "openapi"];
    for command in commands {
        assert!(help.out.contains(command), "{command} is not in {}", help.out);
    }
    let version = house.run(&["--version"]);
    assert_eq!(version.out.trim(), concat!("appengine ", env!("CARGO_PKG_VERSION")));
    assert!(PROGRAM.ends_with("appengine"));
    assert_eq!(house.run(&["srve"]).status.code(), Some(2));
}
