//! Ranges of addresses that are somebody's own: this machine, the networks around it, and what tells secrets to whoever asks from
//! inside. They are those of IANA's registries of special-purpose addresses that lead there, and the services of clouds at addresses of
//! their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What no wildcard and no name reaches, with what it is.
static SPECIAL: [(IpNet, &str); 22] = [
    (v4([127, 0, 0, 0], 8), "loopback, this machine"),
    (v4([169, 254, 0, 0], 16), "link-local, with the metadata of clouds"),
    (v4([10, 0, 0, 0], 8), "a private network"),
    (v4([172, 16, 0, 0], 12), "a private network"),
    (v4([192, 168, 0, 0], 16), "a private network"),
    (v4([100, 64, 0, 0], 10), "a provider's own network, with the metadata of clouds"),
    (v4([168, 63, 129, 16], 32), "the metadata of a cloud"),
    (v4([192, 0, 0, 0], 24), "special, with the metadata of clouds"),
    (v4([198, 18, 0, 0], 15), "a network under test"),
    (v4([0, 0, 0, 0], 8), "this network"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback, this machine"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "this network"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a private network, with the metadata of clouds"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "a private network"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
    // The translation of a provider's own choice: what is behind it is not known.
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a private network"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "a tunnel to addresses of IPv4"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "nowhere"),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "special"),
];

/// Addresses of IPv6 that stand for one of IPv4, and the byte at which that begins.
static TRANSLATED: [(Ipv6Net, usize); 5] = [
    (v6_net([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), 12),
    (v6_net([0, 0, 0, 0, 0, 0, 0, 0], 96), 12),
    (v6_net([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), 12),
    (v6_net([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), 12),
    (v6_net([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), 2),
];

const fn v4(bytes: [u8; 4], length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from_octets(bytes), length))
}

const fn v6(words: [u16; 8], length: u8) -> IpNet {
    IpNet::V6(v6_net(words, length))
}

const fn v6_net([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// What this address is, if it is somebody's own; none of one that is public.
pub fn special(address: IpAddr) -> Option<&'static str> {
    let found = SPECIAL.iter().find(|(range, _)| range.contains(&address)).map(|(_, what)| *what);
    found.or_else(|| special(IpAddr::V4(translated(address)?)))
}

/// Has this range any such address?
pub fn has_special(range: &IpNet) -> bool {
    let overlaps = |special: &IpNet| special.contains(range) || range.contains(special);
    // Whole networks of IPv4 lie in what is translated.
    SPECIAL.iter().any(|(special, _)| overlaps(special))
        || TRANSLATED.iter().any(|(special, _)| overlaps(&(*special).into()))
}

/// The address of IPv4 that one of IPv6 leads to.
fn translated(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let (_, at) = TRANSLATED.iter().find(|(range, _)| range.contains(&address))?;
    let bytes = address.octets();
    Some(Ipv4Addr::new(bytes[*at], bytes[at + 1], bytes[at + 2], bytes[at + 3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_somebodys_own_is_known_in_every_form() {
        let own = [
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "198.19.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "::ffff:0:127.0.0.1",
            "2001::1",
        ];
        for address in own {
            assert!(special(address.parse().unwrap()).is_some(), "{address}");
        }
        let public = [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "168.63.129.17",
            "192.0.1.1",
            "126.0.0.1",
            "128.0.0.1",
            "223.255.255.255",
            "2606:4700::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "fbff::1",
        ];
        for address in public {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn a_range_that_has_some_is_known() {
        for range in ["0.0.0.0/0", "::/0", "10.1.0.0/16", "127.0.0.1/32", "2002:a00::/24", "::ffff:0:0/96", "fe00::/7"]
        {
            assert!(has_special(&range.parse().unwrap()), "{range}");
        }
        for range in ["1.0.0.0/8", "2606:4700::/32", "172.0.0.0/12", "8.8.8.8/32"] {
            assert!(!has_special(&range.parse().unwrap()), "{range}");
        }
    }
}
