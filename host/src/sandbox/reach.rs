//! What a guest reaches of the network.
//!
//! A name is granted, and addresses are reached: those that the guest was told when it looked the name up. A host that looked it up a
//! second time would be told others where names have many, and would send a question for each address that a guest tries.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use url::Host;

use super::places::Places;
use crate::types::address_range::special;
use crate::types::capabilities::Capabilities;
use crate::types::limits::FOUND_ADDRESSES_MAX;
use crate::types::net_grant::{Ports, host};

/// Of one guest.
pub struct Reach {
    held: Arc<Capabilities>,
    /// Addresses of names that were looked up, and the ports that are granted there: the last ones.
    found: Mutex<VecDeque<(IpAddr, Ports)>>,
    look_ups: Places,
}

impl Reach {
    /// What these capabilities grant.
    pub fn new(held: Arc<Capabilities>, look_ups: Places) -> Arc<Self> {
        Arc::new(Reach { held, found: Mutex::default(), look_ups })
    }

    /// What a look-up of this guest waits for.
    pub fn look_ups(&self) -> Places {
        self.look_ups.clone()
    }

    /// The host of this name, if it may be looked up.
    pub fn may_look_up(&self, name: &str) -> Option<Host> {
        host(name).filter(|host| self.held.nets.iter().any(|grant| grant.names(host)))
    }

    /// This is one of the addresses of the host, which was looked up.
    pub fn found(&self, host: &Host, address: IpAddr) {
        let mut found = self.found.lock();
        for ports in self.held.nets.iter().filter_map(|grant| grant.ports_of(host)) {
            if found.contains(&(address, ports)) {
                continue;
            }
            if found.len() == FOUND_ADDRESSES_MAX {
                found.pop_front();
            }
            found.push_back((address, ports));
        }
    }

    /// Is this address granted, or one of a name that is?
    pub fn reaches(&self, address: SocketAddr) -> bool {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let by_name = || {
            let found = self.found.lock();
            special(ip).is_none() && found.iter().any(|(found, ports)| *found == ip && ports.has(port))
        };
        self.held.nets.iter().any(|grant| grant.reaches(ip, port)) || by_name()
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::AllPlaces;
    use super::*;
    use crate::types::ids::ModuleId;
    use crate::types::net_grant::NetGrant;

    fn holding(grants: &[&str]) -> Arc<Reach> {
        let grants = grants.iter().map(|text| NetGrant::parse(text).unwrap());
        let threads = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let look_ups = AllPlaces::new(threads.handle().clone()).for_look_ups(ModuleId(1));
        Reach::new(Arc::new(grants.fold(Capabilities::none(), Capabilities::net)), look_ups)
    }

    fn find(reach: &Reach, name: &str, address: &str) {
        reach.found(&reach.may_look_up(name).unwrap(), address.parse().unwrap());
    }

    fn reaches(reach: &Reach, address: &str) -> bool {
        reach.reaches(address.parse().unwrap())
    }

    #[test]
    fn what_a_look_up_gave_is_reached_on_the_ports_that_are_granted() {
        let reach = holding(&["example.org:80-90", "*.example.org:443", "other.example"]);
        assert!(!reaches(&reach, "192.0.2.1:80"), "nothing was looked up");
        find(&reach, "Example.ORG.", "192.0.2.1");
        find(&reach, "example.org", "192.0.2.2");
        find(&reach, "www.example.org", "192.0.2.3");
        for address in ["192.0.2.1:80", "192.0.2.1:90", "192.0.2.2:85", "192.0.2.3:443"] {
            assert!(reaches(&reach, address), "{address}");
        }
        for address in ["192.0.2.1:443", "192.0.2.1:91", "192.0.2.3:80", "192.0.2.4:80"] {
            assert!(!reaches(&reach, address), "{address}");
        }
        assert!(reach.may_look_up("sub.other.example").is_none());
    }

    #[test]
    fn a_name_reaches_nobodys_own_addresses_but_where_they_are_granted_too() {
        for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"] {
            let reach = holding(&["example.org", "*"]);
            find(&reach, "example.org", address);
            let socket = SocketAddr::new(address.parse().unwrap(), 80);
            assert!(!reach.reaches(socket), "{address}");
            let granted = socket.ip().to_canonical().to_string();
            assert!(holding(&["example.org", &granted]).reaches(socket), "{address}");
        }
    }

    #[test]
    fn the_last_addresses_are_known() {
        let reach = holding(&["example.org"]);
        let nth = |n: usize| format!("1.1.{}.{}", n / 256, n % 256);
        for n in 0..=FOUND_ADDRESSES_MAX {
            find(&reach, "example.org", &nth(n));
            find(&reach, "example.org", &nth(n));
        }
        assert!(!reaches(&reach, "1.1.0.0:80") && reaches(&reach, "1.1.0.1:80"));
        assert!(reaches(&reach, &format!("{}:80", nth(FOUND_ADDRESSES_MAX))));
    }
}
