//! `completions`, `man` and colours.

use super::process::{end, end_of, rustyray_host};

#[test]
fn each_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = end(["completions", shell]);
        assert!(ended.expect(0, &[]).out().contains("timeline"), "{shell}");
    }
    end(["completions", "csh"]).expect(2, &["possible values"]);
}

#[test]
fn each_command_has_a_page() {
    assert!(end(["man"]).expect(0, &[]).out().contains(".TH rustyray-host 1"));
    assert!(end(["man", "bench"]).expect(0, &[]).out().contains("throughput"));
    end(["man", "walk"]).expect(2, &["no command 'walk'"]);
    let folder = tempfile::tempdir().unwrap();
    end(["man", "--dir", folder.path().to_str().unwrap()]).expect(0, &[]);
    for page in ["rustyray-host.1", "rustyray-host-run.1", "rustyray-host-doctor.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}

#[test]
fn colours_are_as_the_user_wants() {
    let coloured = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = rustyray_host([flags, &["run", "/nowhere.wasm"]].concat());
        command
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .env("TERM", "xterm")
            .envs(variables.iter().copied());
        let ended = end_of(&mut command);
        ended.expect(120, &["cannot load"]);
        ended.stderr.contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]), "this is a pipe");
    assert!(coloured(&["--color", "always"], &[]));
    assert!(coloured(&["--color=always"], &[("NO_COLOR", "1")]), "the flag wins");
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "0")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    end(["--color", "loud", "run", "m.wasm"]).expect(2, &["possible values: auto, always, never"]);
}
