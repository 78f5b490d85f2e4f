//! Actors that save their state, and some that make it hard.

use rustyray::prelude::*;
use rustyray::serde;

/// Saves its state when it is told to.
#[rustyray::actor(checkpoint, max_restarts = 10)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Ledger {
    entries: Vec<u32>,
}

#[rustyray::actor_methods]
impl Ledger {
    fn new() -> Self {
        println!("a new ledger");
        Ledger { entries: Vec::new() }
    }

    fn add(&mut self, entry: u32) -> Vec<u32> {
        self.entries.push(entry);
        self.entries.clone()
    }

    fn keep(&mut self, entry: u32) -> Result<Vec<u32>> {
        self.entries.push(entry);
        rustyray::checkpoint()?;
        Ok(self.entries.clone())
    }

    fn keep_and_fail(&mut self, entry: u32) -> Result<()> {
        self.keep(entry)?;
        Err(Error::msg("kept, and failed"))
    }

    fn keep_and_crash(&mut self, entry: u32) -> Result<()> {
        self.keep(entry)?;
        panic!("not kept")
    }

    fn entries(&self) -> Vec<u32> {
        self.entries.clone()
    }

    fn crash(&self) {
        panic!("the ledger breaks")
    }

    fn spin(&self) {
        println!("the ledger spins");
        loop {
            std::hint::black_box(&self.entries);
        }
    }
}

/// Saves its state after each third call.
#[rustyray::actor(checkpoint_every = 3, max_restarts = 10)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Counter {
    count: u32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { count: 0 }
    }

    fn increment(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    fn crash(&self) {
        panic!("the counter breaks")
    }
}

/// Its state is what it is told to be.
#[rustyray::actor(checkpoint, max_restarts = 10, memory = "1GiB")]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Difficult {
    text: String,
    held: Vec<ObjectRef<u32>>,
    mood: Mood,
}

#[rustyray::actor_methods]
impl Difficult {
    fn new() -> Self {
        Difficult { text: "new".to_string(), held: Vec::new(), mood: Mood(0) }
    }

    async fn hold(&mut self) -> Result<()> {
        self.held.push(rustyray::put(1u32).await?);
        rustyray::checkpoint()
    }

    fn grow(&mut self, bytes: usize) -> Result<usize> {
        self.text = "x".repeat(bytes);
        rustyray::checkpoint()?;
        Ok(bytes)
    }

    fn become_of_mood(&mut self, mood: u8) -> Result<u8> {
        self.mood = Mood(mood);
        rustyray::checkpoint()?;
        Ok(mood)
    }

    fn say(&mut self, text: String) -> Result<()> {
        self.text = text;
        rustyray::checkpoint()
    }

    fn text(&self) -> String {
        if self.text.len() > 10 { format!("{} bytes", self.text.len()) } else { self.text.clone() }
    }

    fn crash(&self) {
        panic!("it breaks")
    }
}

/// Decides how saving and restoring go.
struct Mood(u8);

const PANICS_WHEN_SAVED: u8 = 1;
const PANICS_WHEN_RESTORED: u8 = 2;
const FAILS_WHEN_RESTORED: u8 = 3;
const NEVER_ENDS: u8 = 4;
const IS_NEVER_RESTORED: u8 = 5;

impl Serialize for Mood {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != PANICS_WHEN_SAVED, "it does not want to be saved");
        if self.0 == NEVER_ENDS {
            loop {
                std::hint::black_box(self.0);
            }
        }
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Mood {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mood = u8::deserialize(deserializer)?;
        assert!(mood != PANICS_WHEN_RESTORED, "it does not want to be restored");
        if mood == IS_NEVER_RESTORED {
            println!("it is restored for ever");
            loop {
                std::hint::black_box(mood);
            }
        }
        if mood == FAILS_WHEN_RESTORED {
            return Err(serde::de::Error::custom("no"));
        }
        Ok(Mood(mood))
    }
}

/// Is not saved before it ends, and then not soon.
#[rustyray::actor(checkpoint_every = 1000)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Reluctant {
    mood: Sleepy,
}

#[rustyray::actor_methods]
impl Reluctant {
    fn new(sleeps: bool) -> Self {
        Reluctant { mood: Sleepy(sleeps) }
    }

    fn change(&mut self) {}
}

/// Sleeps while it is saved, or spins.
struct Sleepy(bool);

impl Serialize for Sleepy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        println!("it is saved");
        if self.0 {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        } else {
            loop {
                std::hint::black_box(self.0);
            }
        }
        serializer.serialize_bool(self.0)
    }
}

impl<'de> Deserialize<'de> for Sleepy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Sleepy)
    }
}

/// Declares nothing.
#[rustyray::actor]
struct Forgetful;

#[rustyray::actor_methods]
impl Forgetful {
    fn new() -> Self {
        Forgetful
    }

    fn checkpoint(&self) -> Result<()> {
        rustyray::checkpoint()
    }
}

/// Asks for a checkpoint where no actor is.
#[rustyray::remote]
fn checkpoint_of_a_task() -> Result<()> {
    rustyray::checkpoint()
}

/// Enters what it is told into a named ledger, one entry after the other, and tells what the ledger has.
#[rustyray::main]
async fn main() -> Result<()> {
    let ledger = Ledger::options().name("books").remote();
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(0u32);
    println!("has {:?}", ledger.entries().await?);
    for entry in 0..count {
        println!("kept {:?}", ledger.keep(entry).await?);
    }
    if std::env::args().nth(2).as_deref() == Some("wait") {
        rustyray::sleep(Duration::from_secs(3600)).await;
    }
    Ok(())
}
