//! One page over the network.

use std::io;

use rustyray::prelude::*;

use crate::links;

/// Larger pages are cut off.
const PAGE_BYTES: u64 = 1 << 20;

/// What came of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub enum State {
    /// A page came, with this status.
    Answered(u16),
    /// The sandbox did not let it out.
    Refused,
    /// Nobody is there.
    Unreachable,
}

impl State {
    pub fn name(self) -> String {
        match self {
            State::Answered(status) => status.to_string(),
            State::Refused => "refused".to_owned(),
            State::Unreachable => "no answer".to_owned(),
        }
    }
}

/// A page as far as it is of interest.
#[derive(Clone, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Page {
    pub state: State,
    pub title: String,
    /// Where it leads, absolute.
    pub links: Vec<String>,
}

/// Fetches what is at this link.
pub fn fetch(link: &str) -> Result<Page> {
    // No time limits of its own: the task has one.
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let empty = |state| Page { state, title: String::new(), links: Vec::new() };
    match agent.get(link).call() {
        Ok(mut response) => {
            let status = response.status().as_u16();
            let text = response.body_mut().with_config().limit(PAGE_BYTES).lossy_utf8(true).read_to_string()?;
            Ok(match status {
                200 => Page { state: State::Answered(200), title: links::title(&text), links: links::all(&text, link) },
                other => empty(State::Answered(other)),
            })
        }
        Err(ureq::Error::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => Ok(empty(State::Refused)),
        Err(ureq::Error::Io(_) | ureq::Error::HostNotFound) => Ok(empty(State::Unreachable)),
        Err(error) => Err(Error::from(error).context(format!("fetching {link}"))),
    }
}
