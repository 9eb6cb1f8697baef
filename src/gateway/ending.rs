//! Which tasks may end: those of a connection that was given up. Any other that ends is a fault of this program.

use std::collections::HashSet;

use tokio::task::{Id, JoinError};

use crate::mqtt::Ended;

/// The tasks that may end, each by its id: names are those of connections, which more than one may have.
#[derive(Debug, Default)]
pub(super) struct Ending(HashSet<Id>);

impl Ending {
    /// These were told to end.
    pub(super) fn expect(&mut self, tasks: impl IntoIterator<Item = Id>) {
        self.0.extend(tasks);
    }

    /// The name of a task that has ended, if nobody told it to.
    pub(super) fn unexpected(&mut self, ended: Option<Result<(Id, Ended), JoinError>>) -> Option<Ended> {
        let (id, name) = match ended {
            Some(Ok((id, name))) => (id, name),
            Some(Err(error)) => (error.id(), error.to_string()),
            None => return Some("everything".into()),
        };
        (!self.0.remove(&id)).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_found_while_others_are_about_to_end() {
        let mut tasks: JoinSet<Ended> = JoinSet::new();
        let told = ["poller", "writer"].map(|name| tasks.spawn(async move { name.into() }).id());
        let mut ending = Ending::default();
        ending.expect(told);
        tasks.spawn(async { "another one".into() });
        let mut found = Vec::new();
        while let Some(ended) = tasks.join_next_with_id().await {
            found.extend(ending.unexpected(Some(ended)));
        }
        assert_eq!(found, ["another one"], "whichever of the three ends first");
    }

    #[tokio::test]
    async fn a_task_that_panics_is_told_by_its_error_and_nothing_left_is_told_too() {
        let mut tasks: JoinSet<Ended> = JoinSet::new();
        let stopped = tasks.spawn(std::future::pending());
        stopped.abort();
        let mut ending = Ending::default();
        assert!(ending.unexpected(tasks.join_next_with_id().await).unwrap().contains("cancelled"));
        assert_eq!(ending.unexpected(tasks.join_next_with_id().await).unwrap(), "everything");
    }
}
