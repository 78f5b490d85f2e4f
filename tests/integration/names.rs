//! Names of actors: each module has its own, and none learns of another's or is in their way.

use rustyray_host::{ActorOptions, Capabilities, ErrorKind, Host, HostBuilder, Module, ObjectRef, TaskOptions};

use rustyray_testkit::guest;
use rustyray_tests::{builder, error, finish, settled, value};

/// A host with two modules of the same types, each known by its name.
async fn neighbours(builder: HostBuilder) -> (Host, Module, Module) {
    let host = builder.build().expect("the host builds");
    let (a, b) = (module(&host, "a").await, module(&host, "b").await);
    a.register().unwrap();
    b.register().unwrap();
    (host, a, b)
}

async fn module(host: &Host, name: &str) -> Module {
    host.load_file_as(name, guest("registry")).await.expect("the guest loads")
}

fn granted(modules: &[&str]) -> HostBuilder {
    builder().capabilities(modules.iter().fold(Capabilities::none(), |held, name| held.module(*name)))
}

/// Has a guest create a detached actor of this type, or with `get` take the one of that name.
async fn named(creator: &Module, type_name: &str, name: &str, number: u32, get: bool) -> ObjectRef {
    let task = creator.task("named").arg(type_name.to_owned()).arg(name.to_owned());
    task.arg(number).arg(get).submit().await
}

/// Has a guest look for an actor.
async fn found(seeker: &Module, name: &str) -> ObjectRef {
    seeker.task("found").arg(name.to_owned()).arg(None::<String>).submit().await
}

/// The error of what a task called.
async fn cause(host: &Host, object: &ObjectRef) -> (ErrorKind, String) {
    let failed = error(host, object).await;
    let cause = failed.causes.last().unwrap_or_else(|| panic!("{failed:#}"));
    (cause.kind, cause.message.clone())
}

async fn not_found(host: &Host, seeker: &Module, name: &str) -> String {
    let (kind, message) = cause(host, &found(seeker, name).await).await;
    assert_eq!(kind, ErrorKind::ActorNotFound, "{name}: {message}");
    message
}

async fn number(host: &Host, object: ObjectRef) -> u32 {
    value(host, &object).await
}

#[tokio::test]
async fn neither_of_two_modules_learns_of_the_others_names_or_takes_them() {
    let (host, a, b) = neighbours(builder()).await;
    assert_eq!(number(&host, named(&b, "Squarer", "payroll", 2, false).await).await, 2);
    // One that is there and one that is not are told alike.
    for name in ["payroll", "nobody"] {
        assert_eq!(not_found(&host, &a, name).await, format!("no actor is named '{name}'"));
    }
    for (module, name) in [("b", "payroll"), ("b", "nobody"), ("absent", "payroll")] {
        let expected = format!("no actor is named '{module}:{name}', and 'module:{module}' is not granted");
        assert_eq!(not_found(&host, &a, &format!("{module}:{name}")).await, expected);
    }
    // The name is free for it, whether it takes one that is there or not.
    assert_eq!(number(&host, named(&a, "Squarer", "payroll", 1, false).await).await, 1);
    assert_eq!(number(&host, named(&a, "Squarer", "payroll", 3, true).await).await, 1);
    assert_eq!(number(&host, named(&a, "Squarer", "next", 1, false).await).await, 1);
    assert_eq!(number(&host, named(&b, "Squarer", "next", 2, false).await).await, 2);
    // A name with a colon is one like others where no such module is granted.
    assert_eq!(number(&host, named(&a, "Squarer", "b:odd", 1, false).await).await, 1);
    assert_eq!(number(&host, found(&a, "b:odd").await).await, 1);
    for (module, own) in [(&a, 1), (&b, 2)] {
        for name in ["payroll", "next"] {
            assert_eq!(number(&host, found(module, name).await).await, own);
            let direct = module.find_actor(name).unwrap().call("number").submit().await;
            assert_eq!(number(&host, direct).await, own);
        }
        let again = named(module, "Squarer", "payroll", 9, false).await;
        assert_eq!(cause(&host, &again).await.0, ErrorKind::ActorNameTaken, "among its own");
    }
    finish(host).await;
}

#[tokio::test]
async fn names_of_granted_modules_come_after_a_modules_own() {
    let (host, a, b) = neighbours(granted(&["b", "c"])).await;
    let c = module(&host, "c").await;
    for (module, own) in [(&b, 2), (&c, 3)] {
        for name in ["shared", "user:42", "own"] {
            value::<u32>(&host, &named(module, "Squarer", name, own, false).await).await;
        }
    }
    value::<u32>(&host, &named(&c, "Squarer", "lone", 3, false).await).await;
    value::<u32>(&host, &named(&a, "Squarer", "own", 1, false).await).await;
    // Granted is a name: it means nothing until the module is registered under it.
    not_found(&host, &a, "lone").await;
    c.register().unwrap();
    for (name, number) in [("own", 1), ("shared", 2), ("lone", 3), ("b:shared", 2), ("c:shared", 3), ("b:own", 2)] {
        assert_eq!(value::<u32>(&host, &found(&a, name).await).await, number, "{name}");
    }
    // A name with a colon is that of one module, so that no other passes for it.
    not_found(&host, &a, "user:42").await;
    assert_eq!(number(&host, found(&a, "c:user:42").await).await, 3);
    not_found(&host, &a, "b:lone").await;
    // Nobody would find its own by such a name.
    for get in [false, true] {
        let (kind, message) = cause(&host, &named(&a, "Squarer", "b:shared", 1, get).await).await;
        assert!(kind == ErrorKind::InvalidArgument && message.contains("one of the module 'b'"), "{kind}: {message}");
    }
    // Whoever may create actors of a module gives none a name under which it passes for one of another.
    let (name, options) = ("b:own".to_owned(), TaskOptions::new().grants(["module:c"]));
    let squatting = a.task("named").arg("c:Squarer".to_owned()).arg(name).arg(9u32).arg(false).options(options);
    value::<u32>(&host, &squatting.submit().await).await;
    assert_eq!(number(&host, found(&c, "b:own").await).await, 2);
    // Of its own types there are none in other modules.
    let (kind, message) = cause(&host, &a.task("found_here").arg("lone".to_owned()).submit().await).await;
    assert_eq!(kind, ErrorKind::ActorNotFound, "{message}");
    c.unregister();
    not_found(&host, &a, "lone").await;
    finish(host).await;
}

#[tokio::test]
async fn a_child_finds_no_actor_of_a_module_that_it_was_not_left() {
    let (host, a, b) = neighbours(granted(&["b"])).await;
    value::<u32>(&host, &named(&b, "Squarer", "theirs", 2, false).await).await;
    let found_with = async |grants: &[&str], name: &str| {
        let grants: Vec<String> = grants.iter().map(|name| (*name).to_owned()).collect();
        a.task("found_with").arg(grants).arg(name.to_owned()).submit().await
    };
    for name in ["theirs", "b:theirs"] {
        assert_eq!(number(&host, found_with(&["module:b"], name).await).await, 2);
        assert_eq!(cause(&host, &found_with(&[], name).await).await.0, ErrorKind::ActorNotFound);
    }
    finish(host).await;
}

#[tokio::test]
async fn a_module_of_a_granted_name_that_is_not_registered_passes_for_nobody() {
    let (host, a, b) = neighbours(granted(&["b"])).await;
    let double = module(&host, "b").await;
    value::<u32>(&host, &named(&double, "Squarer", "theirs", 9, false).await).await;
    for name in ["theirs", "b:theirs"] {
        not_found(&host, &a, name).await;
    }
    value::<u32>(&host, &named(&b, "Squarer", "theirs", 2, false).await).await;
    assert_eq!(number(&host, found(&a, "theirs").await).await, 2);
    finish(host).await;
}

#[tokio::test]
async fn an_actor_is_named_among_those_of_the_module_of_its_type() {
    let (host, a, b) = neighbours(granted(&["b"])).await;
    assert_eq!(number(&host, named(&a, "b:Squarer", "both", 5, false).await).await, 5);
    assert_eq!(number(&host, found(&b, "both").await).await, 5, "whoever created it");
    assert_eq!(number(&host, named(&a, "Squarer", "both", 1, false).await).await, 1, "its own are others");
    let again = named(&a, "b:Squarer", "both", 6, false).await;
    assert_eq!(cause(&host, &again).await.0, ErrorKind::ActorNameTaken);
    assert_eq!(number(&host, named(&a, "b:Squarer", "both", 7, true).await).await, 5);
    assert_eq!(number(&host, named(&b, "Squarer", "both", 8, true).await).await, 5);
    assert_eq!(number(&host, named(&a, "Squarer", "both", 8, true).await).await, 1);
    // The same for all versions of the module.
    b.replace_file(guest("registry")).await.unwrap();
    assert_eq!(number(&host, found(&b, "both").await).await, 5);
    assert_eq!(cause(&host, &named(&b, "Squarer", "both", 8, false).await).await.0, ErrorKind::ActorNameTaken);
    finish(host).await;
}

#[tokio::test]
async fn a_name_that_is_released_is_free_in_its_module_alone() {
    let (host, a, b) = neighbours(builder()).await;
    let create = |module: &Module, number: u32| {
        module.actor("Squarer").arg(number).options(ActorOptions::new().name("same").namespace("ours")).create()
    };
    let (of_a, of_b) = (create(&a, 1), create(&b, 2));
    for actor in [&of_a, &of_b] {
        value::<u32>(&host, &actor.call("number").submit().await).await;
    }
    of_a.kill(false);
    settled(&host, "one of them to end", |stats| stats.actors == 1).await;
    assert_eq!(a.find_actor_in("ours", "same").err().unwrap().kind, ErrorKind::ActorNotFound);
    assert_eq!(b.find_actor_in("ours", "same").unwrap().actor_ref().id(), of_b.actor_ref().id());
    let next = create(&a, 3);
    assert_eq!(value::<u32>(&host, &next.call("number").submit().await).await, 3);
    drop(of_b);
    settled(&host, "the other to end", |stats| stats.actors == 1).await;
    assert!(b.find_actor_in("ours", "same").is_err() && a.find_actor_in("ours", "same").is_ok());
    drop((of_a, next));
    finish(host).await;
}
