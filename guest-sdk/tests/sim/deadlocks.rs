//! Who waits in vain is told so.

use rustyray::prelude::*;

#[rustyray::actor]
struct Node {
    next: Option<NodeHandle>,
}

#[rustyray::actor_methods]
impl Node {
    fn new() -> Self {
        Node { next: None }
    }

    fn link(&mut self, next: NodeHandle) {
        self.next = Some(next);
    }

    fn step(&self, steps: u32) -> Result<u32> {
        match &self.next {
            Some(next) if steps > 0 => Ok(next.step(steps - 1).blocking_get()? + 1),
            _ => Ok(0),
        }
    }
}

#[rustyray::actor]
struct Shelf {
    kept: Vec<ObjectRef<String>>,
}

#[rustyray::actor_methods]
impl Shelf {
    fn new() -> Self {
        Shelf { kept: Vec::new() }
    }

    fn put(&mut self, kept: Vec<ObjectRef<String>>) {
        self.kept = kept;
    }

    fn take(&mut self) -> Vec<ObjectRef<String>> {
        std::mem::take(&mut self.kept)
    }
}

/// Waits for itself, and says what it was told.
#[rustyray::remote]
async fn waits_for_what_is_there(shelf: ShelfHandle) -> Result<String> {
    let mut kept = shelf.take().await?;
    while kept.is_empty() {
        rustyray::sleep(Duration::from_secs(1)).await;
        kept = shelf.take().await?;
    }
    match kept[0].get().await {
        Ok(text) => Ok(text),
        Err(error) => Ok(format!("{}: {error}", error.kind())),
    }
}

#[rustyray::test]
async fn actors_in_a_ring_are_told_the_circle() {
    let [a, b] = ["a", "b"].map(|name| Node::options().name(name).remote());
    a.link(b.clone()).await.unwrap();
    b.link(a.clone()).await.unwrap();
    assert_eq!(a.step(1).await.unwrap(), 1);
    let stuck = a.step(2).await.unwrap_err();
    let told = stuck.causes().into_iter().find(|cause| cause.kind == ErrorKind::Deadlock).unwrap();
    assert!(told.message.starts_with("a.step -> b.step -> a.step: each waits"), "{}", told.message);
    assert_eq!(a.step(0).await.unwrap(), 0, "they go on");
}

#[rustyray::test]
async fn a_task_that_waits_for_itself_is_told() {
    let shelf = Shelf::remote();
    let task = waits_for_what_is_there.remote(shelf.clone());
    shelf.put(vec![task.clone()]).await.unwrap();
    let text = task.await.unwrap();
    assert!(text.starts_with("deadlock: "), "{text}");
    assert!(text.contains("waits_for_what_is_there -> deadlocks::waits_for_what_is_there"), "{text}");
}

#[rustyray::test]
async fn with_a_timeout_nothing_is_in_vain() {
    let node = Node::options().name("alone").remote();
    node.link(node.clone()).await.unwrap();
    let step = node.step(1);
    assert_eq!(
        step.get().timeout(Duration::from_secs(1)).await.map_err(|error| error.kind()),
        Err(ErrorKind::GetTimeout)
    );
}
