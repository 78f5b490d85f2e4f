//! What a page says that matters to a crawler. Not a parser of HTML: it finds what is written plainly.

/// What is between the first pair of title tags.
pub fn title(html: &str) -> String {
    let title = html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or("", |(title, _)| title.trim()).to_owned()
}

/// The links of a page at `base`, absolute and without fragments.
pub fn all(html: &str, base: &str) -> Vec<String> {
    let written = html.split("href=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0));
    written.filter_map(|link| absolute(link, base)).collect()
}

/// `None` for what is nothing to be fetched, such as an address to write to.
fn absolute(link: &str, base: &str) -> Option<String> {
    let link = link.split('#').next().unwrap_or_default();
    if link.starts_with("http://") {
        return Some(link.to_owned());
    }
    if link.is_empty() || link.split('/').next()?.contains(':') {
        return None;
    }
    let (host, path) = base.strip_prefix("http://")?.split_once('/')?;
    let from = if link.starts_with('/') { "" } else { path.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    let folder = link.ends_with(['/', '.']) && !parts.is_empty();
    Some(format!("http://{host}/{}{}", parts.join("/"), if folder { "/" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_absolute() {
        let from = |link: &str| absolute(link, "http://h:1/a/b.html").unwrap_or_else(|| "none".to_owned());
        let cases = [
            ("c.html", "http://h:1/a/c.html"),
            ("/c.html#d", "http://h:1/c.html"),
            ("../c/", "http://h:1/c/"),
            ("../../../c", "http://h:1/c"),
            ("./", "http://h:1/a/"),
            ("..", "http://h:1/"),
            ("/", "http://h:1/"),
            ("http://other/x", "http://other/x"),
            ("mailto:a@b", "none"),
            ("https://other/", "none"),
            ("#here", "none"),
        ];
        for (link, right) in cases {
            assert_eq!(from(link), right, "{link}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_link() {
        let html = "<title> A page </title><a href=\"x\">x</a><a href=\"y";
        assert_eq!((title(html), all(html, "http://h/")), ("A page".to_owned(), vec!["http://h/x".to_owned()]));
        assert_eq!(title("<title>cut"), "");
    }
}
