//! A granted part of the network, for outgoing TCP and UDP.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use url::Host;

use super::address_range::{has_special, special};

/// Octets that a name on the network has at most, and each part of it (RFC 1035, 2.3.4).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Ports of which one can be reached.
const ALL_PORTS: Ports = Ports { first: 1, last: u16::MAX };

/// A granted part of the network: hosts, and ports of them.
///
/// | written | hosts |
/// |---|---|
/// | `example.org` | this name, at the addresses that the guest was told when it looked it up |
/// | `*.example.org` | the same of all names below it; itself it is none of them |
/// | `localhost` | this machine: `127.0.0.0/8` and `::1` |
/// | `192.0.2.7`, `[2001:db8::7]` | this address |
/// | `192.0.2.0/24`, `[2001:db8::]/32` | these addresses |
/// | `*` | all names, and all public addresses |
///
/// After it may stand `:PORT` or `:FIRST-LAST`; without that all ports are meant. A name or `*` reaches no address that is loopback,
/// link-local, private or the like, whatever a look-up says: that takes a grant of the address, or of a range that it is in.
///
/// ```
/// use rustyray_host::NetGrant;
/// let grant = NetGrant::parse("*.example.org:8000-8099")?;
/// assert_eq!(grant.to_string(), "*.example.org:8000-8099");
/// assert!(NetGrant::parse("https://example.org/").is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetGrant {
    hosts: Hosts,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    /// All names, and all public addresses.
    All,
    /// This name.
    Name(String),
    /// Names that end with a dot and this one.
    Below(String),
    /// This machine, and its name.
    Localhost,
    /// These addresses.
    Range(IpNet),
}

/// Ports, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    pub(crate) fn has(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    fn covers(self, other: Ports) -> bool {
        self.has(other.first) && self.has(other.last)
    }
}

impl NetGrant {
    /// Parses what the [table](NetGrant) has.
    ///
    /// # Errors
    /// What is wrong with the text, and what could be meant. What no connection can ever match is refused, too.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            let host = text.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
            return Err(format!("'{text}' is a URL: grants name a host, and may name a port, such as {host}:443"));
        }
        let (host, ports) = parts(text)?;
        let ports = ports.map_or(Ok(ALL_PORTS), |ports| self::ports(text, ports))?;
        let hosts = hosts(host).map_err(|why| format!("'{text}' {why}"))?;
        Ok(NetGrant { hosts, ports })
    }

    /// Does this grant cover all that `asked` does?
    pub(crate) fn covers(&self, asked: &NetGrant) -> bool {
        let hosts = match (&self.hosts, &asked.hosts) {
            (Hosts::All, Hosts::All | Hosts::Name(_) | Hosts::Below(_)) => true,
            (Hosts::All, Hosts::Range(range)) => !has_special(range),
            (Hosts::Below(all), Hosts::Below(some)) => all == some || is_below(some, all),
            (Hosts::Below(all), Hosts::Name(name)) => is_below(name, all),
            (Hosts::Range(all), Hosts::Range(some)) => all.contains(some),
            (Hosts::Localhost, Hosts::Range(range)) => range.addr().is_loopback() && loopback(range).contains(range),
            (held, asked) => held == asked,
        };
        hosts && self.ports.covers(asked.ports)
    }

    /// May this host be looked up, on whatever port it is to be reached?
    pub(crate) fn names(&self, host: &Host) -> bool {
        match (&self.hosts, host) {
            (Hosts::All, _) => true,
            (Hosts::Name(name), Host::Domain(asked)) => name == asked,
            (Hosts::Below(all), Host::Domain(asked)) => is_below(asked, all),
            (Hosts::Localhost, Host::Domain(asked)) => asked == LOCALHOST,
            (Hosts::Localhost, Host::Ipv4(address)) => address.is_loopback(),
            (Hosts::Localhost, Host::Ipv6(address)) => address.is_loopback(),
            (Hosts::Range(range), Host::Ipv4(address)) => range.contains(&IpAddr::V4(*address)),
            (Hosts::Range(range), Host::Ipv6(address)) => range.contains(&IpAddr::V6(*address)),
            (Hosts::Name(_) | Hosts::Below(_), _) | (Hosts::Range(_), Host::Domain(_)) => false,
        }
    }

    /// The ports that are granted of what is found when this host is looked up; none where the grant speaks of no names.
    pub(crate) fn ports_of(&self, host: &Host) -> Option<Ports> {
        let by_name = matches!(self.hosts, Hosts::Name(_) | Hosts::Below(_)) && self.names(host);
        by_name.then_some(self.ports)
    }

    /// Does it grant this address, whoever it is called?
    pub(crate) fn reaches(&self, address: IpAddr, port: u16) -> bool {
        let host = match &self.hosts {
            Hosts::All => special(address).is_none(),
            Hosts::Localhost => address.is_loopback(),
            Hosts::Range(range) => range.contains(&address),
            Hosts::Name(_) | Hosts::Below(_) => false,
        };
        host && self.ports.has(port)
    }

    /// The grant of this host alone, if there can be one.
    pub(crate) fn of(host: &Host) -> Option<Self> {
        let text = match host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let grant = NetGrant::parse(&text).ok()?;
        // A name may look like another grant.
        (matches!(grant.hosts, Hosts::Name(_) | Hosts::Localhost | Hosts::Range(_)) && grant.names(host))
            .then_some(grant)
    }

    /// What it is, where it is an address that neither a name nor `*` reaches.
    pub fn special(&self) -> Option<&'static str> {
        match &self.hosts {
            Hosts::Range(range) if range.prefix_len() == range.max_prefix_len() => special(range.addr()),
            _ => None,
        }
    }

    /// Bytes of its text.
    pub(crate) fn text_bytes(&self) -> usize {
        match &self.hosts {
            Hosts::Name(name) | Hosts::Below(name) => name.len(),
            Hosts::All | Hosts::Localhost | Hosts::Range(_) => 0,
        }
    }
}

const LOCALHOST: &str = "localhost";

/// Is it a name below the other one?
fn is_below(name: &str, all: &str) -> bool {
    name.strip_suffix(all).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// All of loopback, of the same family.
fn loopback(of: &IpNet) -> IpNet {
    match of {
        IpNet::V4(_) => IpNet::V4(ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8)),
        IpNet::V6(_) => IpNet::V6(ipnet::Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    }
}

/// A host as it is looked up: in lower case, in the form of names beyond ASCII that is sent, and without a dot at its end. `None` where
/// it can be none.
pub(crate) fn host(text: &str) -> Option<Host> {
    // `Host` takes an address of IPv6 in brackets alone.
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(of_address(address.to_canonical()));
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            let is_name = name.len() <= NAME_MAX && name.split('.').all(|label| (1..=LABEL_MAX).contains(&label.len()));
            is_name.then(|| Host::Domain(name.to_owned()))
        }
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(of_address(address.to_canonical())),
    }
}

fn of_address(address: IpAddr) -> Host {
    match address {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    }
}

/// The host, and the ports if there are any.
fn parts(text: &str) -> Result<(&str, Option<&str>), String> {
    let bracketed = text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or("has a '[' without its ']'"));
    let parts = match bracketed.transpose().map_err(|why| format!("'{text}' {why}"))? {
        // The length of a range stands in the brackets, or behind them.
        Some((address, "")) => (address, None),
        Some((address, rest)) if rest.starts_with(':') => (address, Some(&rest[1..])),
        Some((_, rest)) if rest.starts_with('/') => {
            return Err(format!("'{text}' has a length behind its brackets: expected [ADDRESS/LENGTH]"));
        }
        Some(_) => return Err(format!("'{text}' has something other than a port behind its ']'")),
        // More than one colon and no brackets is an IPv6 address without a port.
        None if text.matches(':').count() > 1 => (text, None),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_v6 = text.starts_with('[') || parts.0.contains(':');
    let address = parts.0.split('/').next().unwrap_or_default();
    if is_v6 && address.parse::<Ipv6Addr>().is_err() {
        return Err(format!("'{text}' names no IPv6 address: expected HOST, HOST:PORT, [ADDRESS]:PORT or *"));
    }
    Ok(parts)
}

fn ports(text: &str, ports: &str) -> Result<Ports, String> {
    let bad = || format!("'{text}' has no valid port: expected one from 1 to 65535, or a range such as 8000-8099");
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(bad);
    let (first, last) = (port(first)?, port(last)?);
    if first > last {
        return Err(format!("'{text}' has no ports: the range ends before it begins; expected {last}-{first}"));
    }
    Ok(Ports { first, last })
}

/// What is wrong follows the text.
fn hosts(text: &str) -> Result<Hosts, String> {
    if text == "*" {
        return Ok(Hosts::All);
    }
    if let Some(all) = text.strip_prefix("*.") {
        return match host(all) {
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => {
                Err("has a * before an address: ranges are written as 10.0.0.0/8".to_owned())
            }
            _ => match name(all)? {
                Hosts::Name(below) => Ok(Hosts::Below(below)),
                _ => Err(format!("has a * before {all}, below which there are no names")),
            },
        };
    }
    match text.contains('/') {
        true => range(text),
        false => name(text),
    }
}

fn range(text: &str) -> Result<Hosts, String> {
    let range: IpNet = text.parse().map_err(|_| {
        "is no range of addresses, such as 10.0.0.0/8, and hosts are granted as a whole, whatever the path".to_owned()
    })?;
    if range != range.trunc() {
        return Err(format!(
            "has more of an address than its length says: expected {}, or the address alone",
            range.trunc()
        ));
    }
    if range.prefix_len() == range.max_prefix_len() {
        return of_text(&range.addr().to_string(), range.addr());
    }
    if matches!(range, IpNet::V6(range) if range.prefix_len() >= 96 && range.addr().to_ipv4_mapped().is_some()) {
        return Err("has addresses of IPv4: write them as such".to_owned());
    }
    Ok(Hosts::Range(range))
}

fn name(text: &str) -> Result<Hosts, String> {
    if text.contains('*') {
        return Err(
            "has a * where none can be: it stands alone, or for what is before a name, as in *.example.org".to_owned()
        );
    }
    if text.contains('%') {
        return Err("has a '%', which no host has".to_owned());
    }
    match host(text).ok_or("names no host: expected HOST, HOST:PORT or *")? {
        Host::Domain(name) if name == LOCALHOST => Ok(Hosts::Localhost),
        Host::Domain(name) => checked(name).map(Hosts::Name),
        Host::Ipv4(address) => of_text(text, address.into()),
        Host::Ipv6(address) => of_text(text, address.into()),
    }
}

/// A name that hosts can have: others are looked up as they are, and are nobody's.
fn checked(name: String) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.bytes().all(is_plain) || name.split('.').any(|label| label.starts_with('-')) {
        return Err(
            "names no host: expected letters, digits, '-' and '.', and a grant for each of several hosts".to_owned()
        );
    }
    if is_below(&name, LOCALHOST) {
        return Err("is this machine under another name: write localhost".to_owned());
    }
    Ok(name)
}

/// The grant of a single address, which is written in its usual form.
fn of_text(text: &str, address: IpAddr) -> Result<Hosts, String> {
    if address.is_unspecified() {
        return Err("is nobody's address: * grants all public ones, and 0.0.0.0/0 all of IPv4".to_owned());
    }
    match text.parse::<IpAddr>() {
        Ok(same) if same == address => Ok(Hosts::Range(address.into())),
        _ => Err(format!("is the address {address} in another form: write that")),
    }
}

impl fmt::Display for NetGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = self.ports == ALL_PORTS;
        match &self.hosts {
            Hosts::All => f.write_str("*")?,
            Hosts::Name(name) => f.write_str(name)?,
            Hosts::Below(all) => write!(f, "*.{all}")?,
            Hosts::Localhost => f.write_str(LOCALHOST)?,
            Hosts::Range(range) => {
                let alone = range.prefix_len() == range.max_prefix_len();
                let text = if alone { range.addr().to_string() } else { range.to_string() };
                let bracketed = !any && range.addr().is_ipv6();
                if bracketed { write!(f, "[{text}]")? } else { f.write_str(&text)? }
            }
        }
        match (any, self.ports) {
            (true, _) => Ok(()),
            (false, Ports { first, last }) if first == last => write!(f, ":{first}"),
            (false, Ports { first, last }) => write!(f, ":{first}-{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> NetGrant {
        NetGrant::parse(text).unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn grants_are_what_they_are_written_as() {
        let same = [
            "*",
            "*:443",
            "example.org",
            "example.org:443",
            "example.org:8000-8099",
            "*.example.org",
            "*.example.org:1-9",
            "[::1]:80",
            "::1",
            "127.0.0.1:1",
            "10.0.0.0/8",
            "10.0.0.0/8:80",
            "fd00::/8",
            "[fd00::/8]:80-90",
            "localhost",
            "localhost:80",
            "0.0.0.0/0",
            "::/0",
            "a_b.example",
        ];
        for text in same {
            assert_eq!(grant(text).to_string(), text);
        }
        for (text, shown) in [
            ("Example.ORG", "example.org"),
            ("example.org.", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("[::1]", "::1"),
            ("[2001:DB8::0:1]:80", "[2001:db8::1]:80"),
            ("example.org:80-80", "example.org:80"),
            ("example.org:1-65535", "example.org"),
            ("LOCALHOST", "localhost"),
        ] {
            assert_eq!(grant(text).to_string(), shown);
            assert_eq!(grant(shown), grant(text));
        }
    }

    #[test]
    fn what_can_never_match_is_refused_with_what_is_possible() {
        for (text, says) in [
            ("", "names no host"),
            (":80", "names no host"),
            ("a b", "names no host"),
            ("a..b", "names no host"),
            (&format!("{}.org", "a".repeat(64)), "names no host"),
            (&"a.".repeat(128), "names no host"),
            ("a:b", "no valid port"),
            ("a:0", "from 1 to 65535"),
            ("a:70000", "no valid port"),
            ("a:80-", "no valid port"),
            ("a:90-80", "expected 80-90"),
            ("https://example.org/x", "example.org:443"),
            ("example.org/x", "whatever the path"),
            ("10.0.0.1/8", "expected 10.0.0.0/8"),
            ("10.0.0.0/33", "no range of addresses"),
            ("*.10.0.0.0/8", "names no host"),
            ("*.0.0.1", "ranges are written as"),
            ("*.localhost", "no names"),
            ("ex*.org", "has a * where none can be"),
            ("*.*.org", "has a * where none can be"),
            ("**", "has a * where none can be"),
            ("a%2eb", "has a '%'"),
            ("127.1", "is the address 127.0.0.1"),
            ("0x7f000001", "is the address 127.0.0.1"),
            ("2130706433", "is the address 127.0.0.1"),
            ("0.0.0.0", "nobody's address"),
            ("0.0.0.0/32", "nobody's address"),
            ("::/128", "nobody's address"),
            ("a.org,b.org", "a grant for each"),
            ("a.org;b", "a grant for each"),
            ("\"a\"", "a grant for each"),
            ("-a.org", "a grant for each"),
            ("*.-a.org", "a grant for each"),
            ("foo.localhost", "write localhost"),
            ("*.foo.localhost", "write localhost"),
            ("::", "nobody's address"),
            ("::ffff:1.2.3.4", "is the address 1.2.3.4"),
            ("::ffff:1.2.3.0/120", "write them as such"),
            ("[::1]80", "behind its ']'"),
            ("[fd00::]/8", "[ADDRESS/LENGTH]"),
            ("[:]", "no IPv6 address"),
            ("[a:b]", "no IPv6 address"),
            ("[a]:80", "no IPv6 address"),
            ("[::1", "without its ']'"),
            ("a:b:c", "no IPv6 address"),
        ] {
            let why = NetGrant::parse(text).expect_err(text);
            assert!(why.contains(says), "{text}: {why}");
            assert!(why.contains(&format!("'{text}'")), "{why}");
        }
    }

    #[test]
    fn a_host_has_a_grant_of_its_own_and_no_other() {
        for (asked, own) in
            [("Example.ORG.", "example.org"), ("127.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "localhost")]
        {
            assert_eq!(NetGrant::of(&host(asked).unwrap()).unwrap().to_string(), own);
        }
        for asked in ["*", "*.com", "a.org,b.org", "a;b"] {
            assert!(host(asked).is_none_or(|host| NetGrant::of(&host).is_none()), "{asked}");
        }
        for asked in ["0.0.0.0/0", "10.0.0.0/8", "evil.org:1-65535", "a b", ""] {
            assert!(host(asked).is_none(), "{asked}");
        }
    }

    #[test]
    fn a_grant_reaches_what_it_says() {
        let reaches = |text: &str, address: &str, port| grant(text).reaches(address.parse().unwrap(), port);
        for (text, address, port) in [
            ("*", "1.1.1.1", 1),
            ("10.0.0.0/8:80-90", "10.9.9.9", 90),
            ("localhost", "127.0.0.9", 1),
            ("localhost", "::1", 1),
            ("[::1]:80", "::1", 80),
            ("0.0.0.0/0", "169.254.169.254", 80),
        ] {
            assert!(reaches(text, address, port), "{text} {address}");
        }
        for (text, address, port) in [
            ("*", "127.0.0.1", 80),
            ("*", "169.254.169.254", 80),
            ("*", "::ffff:10.0.0.1", 80),
            ("10.0.0.0/8:80-90", "10.9.9.9", 91),
            ("10.0.0.0/8", "11.0.0.1", 80),
            ("localhost", "10.0.0.1", 80),
            ("example.org", "1.1.1.1", 80),
            ("::/0", "1.1.1.1", 80),
        ] {
            assert!(!reaches(text, address, port), "{text} {address}");
        }
        assert!(grant("169.254.169.254:80").special().unwrap().contains("metadata"));
        assert_eq!(grant("1.1.1.1").special(), None);
    }

    #[test]
    fn a_grant_covers_fewer_hosts_and_ports() {
        for (held, asked) in [
            ("*", "example.org:80"),
            ("*", "*.example.org"),
            ("*", "1.1.1.1"),
            ("*.example.org", "a.example.org"),
            ("*.example.org", "*.a.example.org"),
            ("example.org:80-90", "example.org:81-82"),
            ("10.0.0.0/8", "10.1.0.0/16:80"),
            ("localhost", "127.0.0.1:80"),
            ("localhost", "::1"),
        ] {
            assert!(grant(held).covers(&grant(asked)), "{held} {asked}");
        }
        for (held, asked) in [
            ("*", "localhost"),
            ("*", "127.0.0.1"),
            ("*", "10.0.0.0/8"),
            ("*", "0.0.0.0/0"),
            ("*:80", "*"),
            ("*.example.org", "example.org"),
            ("*.example.org", "badexample.org"),
            ("*.a.example.org", "*.example.org"),
            ("example.org:80", "example.org"),
            ("10.1.0.0/16", "10.0.0.0/8"),
            ("127.0.0.0/8", "localhost"),
            ("localhost", "0.0.0.0/0"),
            ("localhost", "::/0"),
        ] {
            assert!(!grant(held).covers(&grant(asked)), "{held} {asked}");
        }
    }

    #[test]
    fn names_are_looked_up_that_are_granted() {
        let names = |text: &str, asked: &str| host(asked).is_some_and(|host| grant(text).names(&host));
        for (text, asked) in [
            ("*", "anything.example"),
            ("example.org", "EXAMPLE.org."),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.example.org", "a.b.example.org"),
            ("10.0.0.0/8", "10.0.0.1"),
            ("localhost", "localhost"),
        ] {
            assert!(names(text, asked), "{text} {asked}");
        }
        for (text, asked) in [
            ("*", "a b"),
            ("*", ""),
            ("example.org", "a.example.org"),
            ("*.example.org", "example.org"),
            ("*.example.org", ".example.org"),
            ("*.example.org", "badexample.org"),
            ("10.0.0.0/8", "ten.example"),
            ("10.0.0.0/8", "11.0.0.1"),
            ("localhost", "127.example"),
        ] {
            assert!(!names(text, asked), "{text} {asked}");
        }
    }
}
