//! What a print takes, through the whole gateway: a simulated print from the cloud, a plug that tells its meter,
//! prices from the configuration.

use serde_json::{Value, json};
use simulator::{JobSpec, Options};

use crate::support::world::{Eyes, Gateway, World};
use crate::support::{Broker, Kind};

const PLUG: &str = "zigbee2mqtt/Printer plug";

/// A world of one X1 Carbon that rests, with prices and a plug.
async fn world() -> (World, Broker, Eyes, Gateway, String) {
    let world = World::with(Options { printers: 1, speed: 40.0, ..Options::default() }).await;
    let serial = world.serials()[0].clone();
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    world.cloud.with_printer(&serial, simulator::Printer::rest);
    let change = json!({
        "printers": [{"serial": serial, "energy": {"topic": PLUG, "value": "energy"}}],
        "prices": {
            "currency": "EUR",
            "energy_per_kwh": 0.4,
            "filaments": [{"filament": "PLA", "per_kg": 20}, {"filament": "Bambu PETG HF", "per_kg": 30}],
        },
    });
    let gateway = Gateway::start(&world.configuration(broker.port, &change));
    let own = format!("bambu2mqtt/{serial}");
    eyes.holds(&format!("{own}/activity"), "idle").await;
    (world, broker, eyes, gateway, serial)
}

async fn attributes(eyes: &Eyes, topic: &str) -> Value {
    let topic = format!("{topic}/attributes");
    eyes.until(&topic, |seen| serde_json::from_str(seen.values.get(&topic)?).ok()).await
}

#[tokio::test]
async fn a_print_tells_its_filament_its_energy_and_its_cost() {
    let (world, _broker, eyes, gateway, serial) = world().await;
    let own = format!("bambu2mqtt/{serial}");
    let meter = |kwh: f64| eyes.publish(PLUG, &json!({"energy": kwh, "power": 120}).to_string());
    // Nothing was printed yet, and the cloud's list has no more than yesterday's.
    meter(10.0);
    // The broker hands the reading on before anything that is told after it.
    eyes.look(|seen| {
        let config = seen.config(&format!("bambu2mqtt_{serial}")).unwrap();
        let component = |key: &str| &config["components"][format!("sensor_{key}")];
        assert_eq!(component("job_cost")["unit_of_measurement"], "EUR");
        assert_eq!(component("job_energy")["unit_of_measurement"], "kWh");
        assert_eq!(component("filament_used")["device_class"], "weight");
    });

    let spec = JobSpec::cloud("Box").weight_g(40.0).seconds(400.0).spools(&[(0.0, 0), (0.5, 2)]);
    world.cloud.with_printer(&serial, |printer| printer.start_job(spec.clone()));
    eyes.holds(&format!("{own}/activity"), "printing").await;
    meter(10.1);
    eyes.holds(&format!("{own}/job_energy"), "0.100").await;
    meter(10.25);
    eyes.holds(&format!("{own}/last_result"), "finished").await;
    eyes.holds(&format!("{own}/filament_used"), "40.0").await;
    eyes.holds(&format!("{own}/job_energy"), "0.250").await;
    // 20 g at 20 a kilogram, 20 g at 30, a quarter of a kWh at 0.4.
    eyes.holds(&format!("{own}/job_cost"), "1.10").await;
    let told = attributes(&eyes, &format!("{own}/job_cost")).await;
    assert_eq!(
        told,
        json!({"value": 1.1, "filament": 1.0, "energy": 0.1, "complete": true, "without_price": []})
    );
    let told = attributes(&eyes, &format!("{own}/filament_used")).await;
    assert_eq!((&told["estimate"], &told["planned_g"]), (&json!("slicer"), &json!(40.0)));
    assert_eq!(told["per_slot"][1]["material"], "PETG");
    assert_eq!(told["per_slot"][1]["used_g"], 20.0);
    eyes.holds(&format!("{own}/filament_total"), "40").await;

    // One that somebody cancels halfway used up half.
    world.cloud.with_printer(&serial, |printer| {
        printer.start_job(spec);
        printer.skip_to(0.5);
    });
    eyes.holds(&format!("{own}/activity"), "printing").await;
    eyes.until("half of it", |seen| {
        let used: f64 = seen.values.get(&format!("{own}/filament_used"))?.parse().ok()?;
        (19.0..30.0).contains(&used).then_some(())
    })
    .await;
    world.cloud.with_printer(&serial, simulator::Printer::cancel_job);
    eyes.holds(&format!("{own}/last_result"), "cancelled").await;
    let used = eyes
        .until("what it used", |seen| seen.values.get(&format!("{own}/filament_used"))?.parse::<f64>().ok())
        .await;
    assert!((19.0..32.0).contains(&used), "{used}");
    let told = attributes(&eyes, &format!("{own}/filament_used")).await;
    assert_eq!(told["estimate"], "scaled");
    eyes.holds(&format!("{own}/job_energy"), "0.000").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_print_that_the_cloud_does_not_know_has_no_figures() {
    let (world, _broker, eyes, gateway, serial) = world().await;
    let own = format!("bambu2mqtt/{serial}");
    eyes.publish(PLUG, "not a meter");
    let spec = JobSpec::local("Box").weight_g(40.0).seconds(200.0);
    world.cloud.with_printer(&serial, |printer| printer.start_job(spec));
    eyes.holds(&format!("{own}/last_result"), "finished").await;
    for key in ["filament_used", "job_cost", "job_energy"] {
        eyes.holds(&format!("{own}/{key}"), "None").await;
    }
    let told = attributes(&eyes, &format!("{own}/job_cost")).await;
    assert_eq!(told["complete"], false);
    gateway.stop().await;
}
