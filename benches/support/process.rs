//! A child process that is measured and does not outlive the benchmark.

use std::io::Read as _;
use std::process::{Child, ChildStdout, Command};
use std::time::Duration;

use anyhow::{Context as _, Result};

pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        Ok(Self(command.spawn().with_context(|| format!("start {}", command.get_program().display()))?))
    }

    /// What it writes, when that is a pipe.
    pub(crate) fn output(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// CPU time of all its threads, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for task in
            std::fs::read_dir(format!("/proc/{}/task", self.0.id())).context("this needs Linux's /proc")?
        {
            let mut text = String::new();
            std::fs::File::open(task?.path().join("schedstat"))?.read_to_string(&mut text)?;
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// A figure of its memory in kB: `VmRSS` now, `VmHWM` at most.
    pub(crate) fn memory(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with(name)).context("no such figure")?;
        Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
