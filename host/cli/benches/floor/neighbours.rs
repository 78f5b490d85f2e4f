//! Who else is on the machine. A figure that was measured beside a busy neighbour tells about both.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// Linux tells these times in hundredths of a second, whatever its own tick is.
const TICK_MS: u64 = 10;
/// Fields of the first line of `/proc/stat` that are not idle: user, nice and system; two kinds of interrupts, and what
/// the hypervisor took. Idle time and waiting for disks stand between them.
const BUSY: [usize; 6] = [0, 1, 2, 5, 6, 7];
/// Fields of `/proc/self/stat` after the program's name: the time of this process and of its children that ended.
const OURS: [usize; 4] = [11, 12, 13, 14];

/// The processes beside this one, since a moment.
pub struct Neighbours {
    since: Instant,
    time: Duration,
}

impl Neighbours {
    pub fn watch() -> Self {
        Neighbours { since: Instant::now(), time: time_of_others() }
    }

    /// How many cores they kept busy meanwhile, on average.
    pub fn cores(&self) -> f64 {
        let spent = time_of_others().saturating_sub(self.time);
        spent.as_secs_f64() / self.since.elapsed().as_secs_f64()
    }
}

fn time_of_others() -> Duration {
    let machine = read_to_string("/proc/stat").unwrap_or_default();
    let machine = machine.lines().next().and_then(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let own = read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may contain anything, in parentheses.
    let own = own.rsplit_once(')').map_or("", |(_, rest)| rest);
    ticks(machine, &BUSY).saturating_sub(ticks(own, &OURS))
}

fn ticks(text: &str, fields: &[usize]) -> Duration {
    let values: Vec<u64> = text.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect();
    let sum: u64 = fields.iter().filter_map(|field| values.get(*field)).sum();
    Duration::from_millis(TICK_MS * sum)
}
