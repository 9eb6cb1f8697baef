use std::collections::BTreeMap;

use super::*;
use printer::{Identity, Status};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn serial(number: usize) -> Serial {
    Serial::new(&format!("01P00A00000000{number}"))
}

fn key(project: u32) -> ProjectKey {
    ProjectKey { project: project.to_string().into(), profile: "7".into(), task: None }
}

/// Lets time pass, answers each question at once, and notes when each was asked.
struct Life {
    plan: Plan,
    now: Duration,
    asked: Vec<(Duration, Want)>,
    answer: AskOutcome,
}

impl Life {
    fn new(printers: usize) -> Self {
        let mut plan = Plan::new(Duration::ZERO, None);
        for number in 0..printers {
            plan.add(Duration::ZERO, &serial(number), None);
        }
        Self { plan, now: Duration::ZERO, asked: Vec::new(), answer: AskOutcome::Answered }
    }

    fn until(&mut self, end: Duration) {
        while let Some(at) = self.plan.deadline().map(|at| at.max(self.now)).filter(|at| *at <= end) {
            self.now = at;
            let Some(want) = self.plan.next(at) else { panic!("nothing to ask at its deadline {at:?}") };
            assert_eq!(self.plan.next(at), None, "one question at a time");
            self.asked.push((at, want.clone()));
            self.plan.done(at, &want, self.answer, 1.0);
        }
        self.now = end;
    }

    fn times(&self, want: &Want) -> Vec<u64> {
        self.asked.iter().filter(|(_, asked)| asked == want).map(|(at, _)| at.as_secs()).collect()
    }

    fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for (_, want) in &self.asked {
            *counts.entry(want.name()).or_default() += 1;
        }
        counts
    }
}

#[test]
fn the_task_of_a_job_is_looked_for_five_times_and_no_longer_than_it_is_missed() {
    let (one, two) = (serial(0), serial(1));
    let mut life = Life::new(2);
    life.plan.job_started(life.now, &one, true);
    life.plan.job_started(life.now, &two, false);
    assert!(life.plan.hunts(&one));
    life.until(20 * MINUTE);
    assert_eq!(life.times(&Want::Tasks(one.clone())), [1, 6, 21, 66, 201]);
    assert_eq!(
        life.times(&Want::Tasks(two.clone())),
        [1, 6],
        "of a job without a number there is hardly a task"
    );
    assert!(!life.plan.hunts(&one));

    life.asked.clear();
    life.plan.job_started(life.now, &one, true);
    life.until(life.now + 10 * SECOND);
    life.plan.found(&one);
    life.until(life.now + HOUR);
    assert_eq!(life.times(&Want::Tasks(one.clone())).len(), 2, "found is found");

    life.asked.clear();
    life.plan.job_ended(life.now, &one);
    life.until(life.now + HOUR);
    assert_eq!(life.times(&Want::Tasks(one)).len(), 1, "once at the end");
    assert_eq!(life.times(&Want::Messages).len(), 1, "and then there may be a message");
}

#[test]
fn tasks_on_demand_come_at_once_and_then_each_five_minutes_at_most() {
    let one = serial(0);
    let mut life = Life::new(1);
    for _ in 0..100 {
        life.plan.want_tasks(life.now, &one);
        life.until(life.now + 6 * SECOND);
    }
    life.until(HOUR);
    assert_eq!(life.times(&Want::Tasks(one)), [0, 300, 600]);
}

#[test]
fn what_decides_a_job_is_asked_at_once_a_few_times() {
    let one = serial(0);
    let mut life = Life::new(1);
    // Somebody else asked just before.
    life.plan.want_tasks(life.now, &one);
    life.plan.press_tasks(life.now, &one);
    for at in [10, 30, 120] {
        life.until(at * SECOND);
        life.plan.press_tasks(life.now, &one);
    }
    life.until(121 * SECOND);
    assert_eq!(life.times(&Want::Tasks(one.clone())), [0, 10, 30, 120]);
    // Whoever presses without end gets no more than others do.
    for _ in 0..100 {
        life.plan.press_tasks(life.now, &one);
        life.until(life.now + 5 * SECOND);
    }
    let times = life.times(&Want::Tasks(one.clone()));
    assert_eq!(times, [0, 10, 30, 120, 420, 601, 606, 611, 616]);
    // Nor is the pause after a failure cut short.
    let mut life = Life::new(1);
    life.answer = AskOutcome::Failed { least: 30 * SECOND, too_many: Some(Some(HOUR)) };
    life.plan.press_tasks(life.now, &one);
    life.until(10 * SECOND);
    life.plan.press_tasks(life.now, &one);
    life.until(20 * MINUTE);
    assert_eq!(life.times(&Want::Tasks(one)), [0]);
}

#[test]
fn firmware_is_looked_up_at_the_start_once_a_day_and_never_twice_in_twelve_hours() {
    let (one, two) = (serial(0), serial(1));
    let mut life = Life::new(1);
    // Ten hours before the start, by another run.
    life.plan.add(Duration::ZERO, &two, Some(10 * HOUR));
    life.until(SECOND);
    life.plan.upgrade_changed(life.now, &one);
    life.plan.upgrade_changed(life.now, &two);
    life.until(Duration::from_secs(3 * 86_400 - 1));
    let hours = |want: &Want| life.times(want).iter().map(|at| at / 3600).collect::<Vec<_>>();
    assert_eq!(hours(&Want::Releases(one)), [0, 12, 36, 60]);
    assert_eq!(hours(&Want::Releases(two)), [12, 36, 60], "what is younger than a run is not asked again");
}

#[test]
fn names_of_filaments_are_asked_for_at_the_start_and_when_one_is_missed() {
    let mut life = Life::new(1);
    for _ in 0..30 {
        life.until(life.now + 5 * MINUTE);
        life.plan.unknown_filament(life.now);
    }
    life.until(DAY);
    let minutes: Vec<_> = life.times(&Want::Filaments).iter().map(|at| at / 60).collect();
    assert_eq!(minutes, [0, 60, 120, 180], "an hour apart, and only while one is missed");
}

#[test]
fn a_picture_is_tried_three_times_and_does_not_hold_up_the_rest() {
    let one = serial(0);
    let mut life = Life::new(1);
    life.until(SECOND);
    life.answer = AskOutcome::Useless;
    life.plan.want_picture(life.now, &one);
    life.until(HOUR);
    assert_eq!(life.times(&Want::Picture(one)), [1, 11, 71]);
    assert!(!life.plan.is_down());
}

#[test]
fn the_file_of_a_job_is_asked_for_once_when_its_numbers_have_settled() {
    let one = serial(0);
    let project = Want::Project(one.clone(), key(1));
    let mut life = Life::new(1);
    life.until(SECOND);
    // The numbers of a job come one after the other.
    for _ in 0..3 {
        life.plan.want_project(life.now, &one, key(1));
        life.until(life.now + 2 * SECOND);
    }
    life.until(DAY);
    assert_eq!(life.times(&project), [10]);

    // A refusal is an answer.
    life.asked.clear();
    life.answer = AskOutcome::Useless;
    life.plan.want_project(life.now, &one, key(1));
    life.until(life.now + HOUR);
    assert_eq!(life.times(&project).len(), 1);

    // Another job began before it was asked.
    life.asked.clear();
    life.plan.want_project(life.now, &one, key(1));
    life.plan.forget_project(&one);
    life.until(life.now + HOUR);
    assert_eq!(life.times(&project).len(), 0);
}

#[test]
fn an_answer_about_another_job_does_not_settle_this_one() {
    let one = serial(0);
    for answer in [AskOutcome::Answered, AskOutcome::Useless] {
        let mut plan = Plan::new(Duration::ZERO, Some(Duration::ZERO));
        plan.add(Duration::ZERO, &one, Some(Duration::ZERO));
        plan.want_project(Duration::ZERO, &one, key(1));
        let want = plan.next(5 * SECOND).unwrap();
        plan.want_project(5 * SECOND, &one, key(2));
        plan.done(6 * SECOND, &want, answer, 1.0);
        assert_eq!(plan.next(10 * SECOND), Some(Want::Project(one.clone(), key(2))));
    }
}

#[test]
fn the_file_of_a_job_is_tried_three_times_with_the_pauses_that_all_keep() {
    let one = serial(0);
    let project = Want::Project(one.clone(), key(1));
    let mut life = Life::new(0);
    life.until(SECOND);
    life.plan.add(life.now, &one, Some(Duration::ZERO));
    life.answer = AskOutcome::Failed { least: 30 * SECOND, too_many: None };
    life.plan.want_project(life.now, &one, key(1));
    life.until(DAY / 2);
    assert_eq!(life.times(&project), [6, 36, 96]);
    // What the limits hold back is no attempt.
    life.plan.resume(life.now);
    life.asked.clear();
    life.answer = AskOutcome::Held(MINUTE);
    life.plan.want_project(life.now, &one, key(1));
    life.until(life.now + 5 * MINUTE);
    life.answer = AskOutcome::Answered;
    life.until(life.now + HOUR);
    assert!(life.times(&project).len() > 4, "{:?}", life.times(&project));
}

#[test]
fn older_tasks_come_page_by_page_and_are_waited_for() {
    let one = serial(0);
    let older = Want::Older(one.clone());
    let mut life = Life::new(1);
    life.until(SECOND);
    life.plan.want_older(life.now, &one);
    life.until(MINUTE);
    assert_eq!(life.times(&older), [21], "one page; whoever wants another says so");
    life.answer = AskOutcome::Failed { least: 30 * SECOND, too_many: None };
    life.plan.want_older(life.now, &one);
    life.until(3 * MINUTE);
    life.answer = AskOutcome::Answered;
    life.until(2 * HOUR);
    assert_eq!(life.times(&older), [21, 80, 3710], "a failure does not end it, and nothing waits for it");
}

#[test]
fn printers_take_turns_with_their_older_tasks() {
    let mut life = Life::new(3);
    life.until(SECOND);
    let want_all = |life: &mut Life| (0..3).for_each(|at| life.plan.want_older(life.now, &serial(at)));
    want_all(&mut life);
    life.until(MINUTE);
    // The first one's next page waits for the others.
    life.plan.want_older(life.now, &serial(0));
    life.until(3 * MINUTE);
    let times = |at| life.times(&Want::Older(serial(at)));
    assert_eq!([times(0), times(1), times(2)], [vec![21, 81], vec![41], vec![61]]);
}

#[test]
fn failures_are_tried_again_ever_less_often() {
    let mut life = Life::new(0);
    life.answer = AskOutcome::Failed { least: 30 * SECOND, too_many: None };
    life.until(HOUR);
    assert_eq!(life.times(&Want::Filaments), [0, 30, 90, 210, 450, 930, 1830, 2730]);
    assert!(life.plan.is_down());
    life.answer = AskOutcome::Answered;
    life.until(2 * HOUR);
    assert!(!life.plan.is_down());

    let mut life = Life::new(0);
    life.answer = AskOutcome::Failed { least: Duration::ZERO, too_many: Some(None) };
    life.until(HOUR);
    assert_eq!(life.times(&Want::Filaments), [0, 60, 180, 480, 1380]);
    let mut life = Life::new(0);
    life.answer = AskOutcome::Failed { least: Duration::ZERO, too_many: Some(Some(20 * MINUTE)) };
    life.until(HOUR);
    assert_eq!(life.times(&Want::Filaments), [0, 1200, 2400, 3600], "what it says is held to");
    // Another login ends the pause.
    life.plan.resume(life.now);
    life.answer = AskOutcome::Answered;
    life.until(life.now);
    assert_eq!(life.times(&Want::Filaments).len(), 5);
}

#[test]
fn one_kind_that_fails_does_not_hold_up_the_others() {
    let one = serial(0);
    let mut life = Life::new(1);
    life.plan.want_tasks(Duration::ZERO, &one);
    life.answer = AskOutcome::Failed { least: 30 * SECOND, too_many: None };
    let want = life.plan.next(Duration::ZERO).unwrap();
    assert_eq!(want, Want::Tasks(one));
    life.plan.done(Duration::ZERO, &want, life.answer, 1.0);
    assert!(matches!(life.plan.next(30 * SECOND), Some(Want::Releases(_))));
}

#[test]
fn what_the_shared_limits_hold_back_is_no_failure() {
    let mut life = Life::new(0);
    life.answer = AskOutcome::Held(7 * SECOND);
    life.until(10 * SECOND);
    assert_eq!(life.times(&Want::Filaments), [0, 7]);
    assert!(!life.plan.is_down());
}

#[test]
fn an_inbox_that_could_not_be_told_is_read_again_before_the_next_list() {
    let mut life = Life::new(0);
    life.plan.listed(life.now);
    life.until(MINUTE);
    life.plan.untold(life.now);
    life.until(HOUR);
    assert_eq!(life.times(&Want::Messages), [0, 600]);
}

/// A day as people have it: five printers, ten prints, the hourly list, a changed spool, a lost connection.
fn day(life: &mut Life) {
    for hour in 0..24 {
        life.plan.listed(life.now);
        let print = usize::try_from(hour).unwrap_or_default();
        let printer = serial(print % 5);
        if (7..17).contains(&hour) {
            life.plan.job_started(life.now, &printer, true);
            life.until(life.now + 8 * SECOND);
            life.plan.found(&printer);
            life.plan.want_picture(life.now, &printer);
            life.until(life.now + 40 * MINUTE);
            life.plan.job_ended(life.now, &printer);
        }
        if hour == 12 {
            life.plan.unknown_filament(life.now);
            life.plan.unheard(life.now);
        }
        let next = DAY * u32::try_from(life.now.as_secs() / 86_400).unwrap_or_default() + HOUR * (hour + 1);
        life.until(next);
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures are what it is for")]
fn a_day_with_five_printers_and_ten_prints_is_far_below_every_limit() {
    let mut life = Life::new(5);
    day(&mut life);
    let counts = life.counts();
    println!("a day: {counts:?}, {} in all", life.asked.len());
    assert_eq!(counts["tasks"], 30, "two looks at the start and one at the end of each print");
    assert_eq!((counts["picture"], counts["firmware"], counts["filament names"]), (10, 10, 2));
    assert!(counts["messages"] <= 34 && counts["printer states"] == 1, "{counts:?}");
    assert!(life.asked.len() < 100);
    let within = |span: Duration| {
        let times: Vec<_> = life.asked.iter().map(|(at, _)| *at).collect();
        times.iter().map(|from| times.iter().filter(|at| *at >= from && **at < *from + span).count()).max()
    };
    println!("at most in a minute {:?}, in an hour {:?}", within(MINUTE), within(HOUR));
    assert!(within(MINUTE) < Some(60 / 4) && within(HOUR) < Some(500 / 10));
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures are what it is for")]
fn a_week_without_answers_is_quiet() {
    let mut life = Life::new(5);
    life.answer = AskOutcome::Failed { least: 30 * SECOND, too_many: None };
    for _ in 0..7 {
        day(&mut life);
    }
    println!("a week without answers: {:?}, {} in all", life.counts(), life.asked.len());
    assert!(
        life.asked.len() <= 7 * 24 * 4 + 12 + 10 * 7 * 3,
        "four an hour, and pictures that lie elsewhere"
    );
    life.answer = AskOutcome::Answered;
    let before = life.asked.len();
    life.until(life.now + HOUR);
    assert!(life.asked.len() - before <= 5 + 5 + 2 + 5, "what was missed is asked for once");
}

fn snapshot(status: Status, name: &str, task: Option<&str>) -> Snapshot {
    let mut snapshot = Snapshot::unheard("Garage", Identity::new("01P00A000000001", "P1S"));
    snapshot.capabilities = Some(printer::Capabilities::default());
    snapshot.status = Some(status);
    snapshot.job.name = Some(name.into()).filter(|name: &Text| !name.is_empty());
    snapshot.job.ids = Arc::new(JobIds { task: task.map(Text::from), ..JobIds::default() });
    snapshot
}

#[test]
fn the_watch_sees_jobs_begin_and_end() {
    let mut watch = Watch::default();
    let mut look = |status, name: &str, task| {
        let sight = watch.look(&snapshot(status, name, task));
        (sight.first, sight.started, sight.ended)
    };
    assert_eq!(look(Status::Finish, "Old", Some("1")), (true, false, false));
    assert_eq!(look(Status::Finish, "Old", Some("1")), (false, false, false));
    // A P1 tells the state first, then the name, then the number.
    assert_eq!(look(Status::Prepare, "Old", Some("1")), (false, true, false));
    assert_eq!(look(Status::Prepare, "New", Some("1")), (false, true, false));
    assert_eq!(look(Status::Running, "New", Some("2")), (false, true, false));
    assert_eq!(look(Status::Pause, "New", Some("2")), (false, false, false));
    assert_eq!(look(Status::Running, "New", None), (false, false, false), "what is not told is no other job");
    assert_eq!(look(Status::Finish, "New", Some("2")), (false, false, true));
    assert_eq!(look(Status::Idle, "", None), (false, false, false));
    assert_eq!(look(Status::Running, "New", Some("2")), (false, true, false), "the same again is a new job");
    let mut unheard = snapshot(Status::Running, "New", None);
    unheard.capabilities = None;
    assert_eq!(Watch::default().look(&unheard), Sight::default(), "nothing is decided before a full report");
    let mut calibration = snapshot(Status::Running, "auto_cali", None);
    calibration.job.kind = Some(JobKind::System);
    let mut watch = Watch::default();
    watch.look(&snapshot(Status::Idle, "", None));
    let expected = Sight { source: true, ..Sight::default() };
    assert_eq!(watch.look(&calibration), expected, "a calibration is nobody's task");
}

#[test]
fn the_watch_sees_firmware_and_filament_without_a_name() {
    use printer::{Content, Filament, Slot};
    let mut watch = Watch::default();
    let mut moment = snapshot(Status::Idle, "", None);
    Arc::make_mut(&mut moment.identity).firmware = Some("01.00.00.00".into());
    assert!(!watch.look(&moment).upgrade, "the start asks anyway");
    moment.update.latest = Some("01.01.00.00".into());
    assert!(watch.look(&moment).upgrade);
    assert!(!watch.look(&moment).upgrade);
    let filament = Filament { id: Some("P8d19ba6".into()), ..Filament::default() };
    let slot = Slot { number: 1, content: Content::Filament(Arc::new(filament)), ..Slot::default() };
    let spool = ExternalSpool { number: 1, slot };
    moment.external = vec![spool.clone()].into();
    assert!(watch.look(&moment).unnamed);
    assert!(!watch.look(&moment).unnamed, "once");
    moment.external = vec![ExternalSpool { slot: Slot { active: true, ..spool.slot }, ..spool }].into();
    let names = Names::from([("P8d19ba6".into(), "Mine".into())]);
    Arc::make_mut(&mut Arc::make_mut(&mut moment.known).facts).names = Arc::new(names);
    assert!(!watch.look(&moment).unnamed, "it has a name now");
}
