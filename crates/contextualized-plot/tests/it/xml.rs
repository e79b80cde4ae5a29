//! As much of XML as the drawings use: enough to notice when they are not well formed.

/// An element without its children.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// The text directly inside, unescaped.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.get(name).map(|value| value.parse().unwrap())
    }
}

/// All elements in order of their opening tags; panics on what is not well formed.
pub(crate) fn parse(document: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = document.trim();
    while !rest.is_empty() {
        let (text, after) = rest.split_once('<').expect("text after the last tag");
        assert!(!text.contains('>'), "a bare > in {text:?}");
        if let Some(&parent) = open.last() {
            elements[parent]
                .text
                .push_str(unescape(text).trim_matches('\n'));
        } else {
            assert!(text.trim().is_empty(), "text outside the root: {text:?}");
        }
        let (tag, after) = after.split_once('>').expect("an unclosed tag");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let opened = open.pop().expect("a closing tag too many");
            assert_eq!(elements[opened].name, name);
            continue;
        }
        let (tag, empty) = tag
            .strip_suffix('/')
            .map_or((tag, false), |tag| (tag, true));
        assert!(elements.is_empty() || !open.is_empty(), "a second root");
        elements.push(element(tag));
        if !empty {
            open.push(elements.len() - 1);
        }
    }
    assert!(open.is_empty(), "tags left open");
    elements
}

fn element(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{tag:?}");
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.trim().is_empty() {
        let (key, after) = rest.trim_start().split_once("=\"").expect(tag);
        let (value, after) = after.split_once('"').expect(tag);
        assert!(!value.contains('<'));
        assert!(
            attributes.iter().all(|(seen, _)| seen != key),
            "{key} twice"
        );
        attributes.push((key.to_owned(), unescape(value)));
        rest = after;
    }
    Element {
        name: name.to_owned(),
        attributes,
        text: String::new(),
    }
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, tail) = part.split_once(';').expect("an unfinished entity");
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            other => panic!("unknown entity {other}"),
        });
        plain.push_str(tail);
    }
    plain
}
