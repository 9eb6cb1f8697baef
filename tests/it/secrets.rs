//! The search for secrets that ends each test with an emulated cloud: that it finds them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use simulator::Options;

use crate::support::world::{Eyes, Program, World};
use crate::support::{Broker, Kind};

/// The first leak, if that is the only one.
#[track_caller]
fn only(world: &World) -> String {
    let leaks = world.leaks();
    assert_eq!(leaks.len(), 1, "{leaks:#?}");
    leaks.into_iter().next().unwrap()
}

/// The end of a world in which something is found. Nothing else is left for the end of the test to find.
fn fails(world: World) {
    let end = catch_unwind(AssertUnwindSafe(|| drop(world)));
    let words = end.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains(" is in "), "{words}");
}

#[tokio::test]
async fn a_secret_on_the_local_broker_is_found_unless_somebody_typed_it() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let settings = world.cloud.settings();
    eyes.publish("bambu2mqtt/bridge/login_code/set", &settings.password);
    eyes.publish("numbers", &format!("1{0} 0.{0} {0}0 a{0}", settings.access_code));
    eyes.publish("fence", "here");
    eyes.holds("fence", "here").await;
    assert_eq!(world.leaks(), [""; 0]);
    eyes.publish("some/topic", &format!("{{\"access\":\"{}\"}}", settings.access_code));
    eyes.hears(0, "some/topic", "access").await;
    assert!(only(&world).starts_with("the access code is in some/topic"));
    let user = settings.mqtt_user.clone();
    eyes.publish(&format!("device/{user}/x"), "y");
    eyes.hears(0, &format!("device/{user}/x"), "y").await;
    let leaks = world.leaks();
    assert!(leaks.iter().any(|leak| leak.starts_with("the user id is in a topic")), "{leaks:#?}");
    fails(world);
}

#[tokio::test]
async fn a_secret_in_the_log_is_found_also_when_it_is_void_by_now() {
    let world = World::with(Options { printers: 1, ..Options::default() }).await;
    tracing::trace!(target: "bambu2mqtt::cloud", token = world.cloud.settings().token, "logged in");
    world.cloud.revoke_token();
    assert!(only(&world).starts_with("the token is in the log"));
    fails(world);
}

#[tokio::test]
async fn a_secret_in_a_panic_of_a_task_is_found() {
    let world = World::with(Options { printers: 1, ..Options::default() }).await;
    let password = world.cloud.settings().password.clone();
    let task = tokio::spawn(async move { panic!("{password} is no good") });
    task.await.unwrap_err();
    assert!(only(&world).starts_with("the password is in the log"));
    fails(world);
}

#[tokio::test]
async fn a_secret_in_a_file_is_found_unless_it_is_the_tokens() {
    let world = World::with(Options { printers: 1, ..Options::default() }).await;
    let state = world.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let token = &world.cloud.settings().token;
    std::fs::write(state.join("token-0123456789abcdef.json"), token).unwrap();
    assert_eq!(world.leaks(), [""; 0]);
    std::fs::write(state.join("facts.json"), format!("{{\"token\":\"{token}\"}}")).unwrap();
    assert!(only(&world).starts_with("the token is in facts.json"));
    fails(world);
}

#[tokio::test]
async fn a_secret_that_a_program_prints_is_found() {
    let world = World::with(Options { printers: 1, ..Options::default() }).await;
    // An unknown argument is said back.
    let left = Program::start(&[&world.cloud.settings().password]).end().await;
    assert!(left.stderr.contains("unrecognized"), "{left:?}");
    assert!(only(&world).starts_with("the password is in standard error"));
    fails(world);
}
