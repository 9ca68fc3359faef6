//! The reply of a server.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The reply of a server to a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A text that contains the datagram's length.
    Text(Template),
    /// The datagram itself.
    Echo,
    /// Nothing: the server only receives.
    Nothing,
}

impl Reply {
    /// The reply of the textbook's newer program: `Your data was 38 bytes long`.
    pub fn length() -> Self {
        Self::Text(Template {
            pieces: vec![
                Piece::Literal("Your data was ".into()),
                Piece::Bytes,
                Piece::Literal(" bytes long".into()),
            ],
        })
    }

    /// Whether the bytes of a reply do not show that it is one.
    pub fn needs_mark(&self) -> bool {
        match self {
            Self::Text(template) => !template.is_textbook(),
            Self::Echo => true,
            Self::Nothing => false,
        }
    }

    /// The reply to `request`, which is `length` bytes long; `scratch` is memory for it.
    pub fn render<'a>(
        &self,
        request: &'a [u8],
        length: usize,
        scratch: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        match self {
            Self::Text(template) => {
                scratch.clear();
                template.render(length, scratch);
                Some(scratch)
            }
            Self::Echo => Some(request),
            Self::Nothing => None,
        }
    }
}

/// A text with `{bytes}` in place of the datagram's length; `{{` and `}}` are braces.
///
/// ```
/// use udpraw::server::Template;
/// let template: Template = "Your data was {bytes} bytes long.".parse()?;
/// let mut text = Vec::new();
/// template.render(38, &mut text);
/// assert_eq!(text, b"Your data was 38 bytes long.");
/// # Ok::<(), udpraw::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Bytes,
}

impl Template {
    /// Whether it is the textbook's: the newer program's, or the older one's.
    pub(super) fn is_textbook(&self) -> bool {
        let mut text = Vec::new();
        self.render(0, &mut text);
        Self::is_textbook_reply(&text)
    }

    /// Whether these bytes are the reply of one of the textbook's programs.
    pub(super) fn is_textbook_reply(bytes: &[u8]) -> bool {
        let length = || {
            let rest = bytes.strip_prefix(b"Your data was ")?;
            let rest = rest.strip_suffix(b".").unwrap_or(rest);
            rest.strip_suffix(b" bytes long")
        };
        length().is_some_and(|length| {
            !length.is_empty() && length.len() <= 5 && length.iter().all(u8::is_ascii_digit)
        })
    }

    /// Whether these bytes are its text for some length. A text with little more than numbers does
    /// not identify its writer.
    pub(super) fn may_have_rendered(&self, bytes: &[u8]) -> bool {
        const LEAST: usize = 8;
        let literals = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Bytes => 0,
        });
        if literals.sum::<usize>() < LEAST {
            return false;
        }
        // The first placeholder gives the length.
        let (mut rest, mut number) = (bytes, None::<&[u8]>);
        for (at, piece) in self.pieces.iter().enumerate() {
            let tail = match (piece, number) {
                (Piece::Literal(text), _) => rest.strip_prefix(text.as_bytes()),
                (Piece::Bytes, Some(number)) => rest.strip_prefix(number),
                (Piece::Bytes, None) => {
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    // The literal after it may begin with digits.
                    let behind = match self.pieces.get(at + 1) {
                        Some(Piece::Literal(text)) => {
                            text.bytes().take_while(u8::is_ascii_digit).count()
                        }
                        _ => 0,
                    };
                    let length = digits.saturating_sub(behind);
                    let (head, tail) = rest.split_at(length);
                    number = Some(head);
                    (1..=5).contains(&length).then_some(tail)
                }
            };
            match tail {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// Appends the text for a datagram of `length` bytes.
    pub fn render(&self, length: usize, text: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.extend_from_slice(literal.as_bytes()),
                // Writing to a Vec cannot fail.
                Piece::Bytes => drop(write!(text, "{length}")),
            }
        }
    }
}

impl FromStr for Template {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |reason: String| {
            Error::invalid(
                "read reply text",
                format_args!("'{}'", text.escape_debug()),
                reason,
            )
            .with_remedy("{bytes} stands for the length; write {{ and }} for braces")
        };
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..];
            if let Some(after) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
                literal.push_str(&brace[..1]);
                rest = after;
            } else if let Some(after) = brace.strip_prefix("{bytes}") {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                pieces.push(Piece::Bytes);
                rest = after;
            } else {
                let end = brace.find('}').map_or(brace.len(), |end| end + 1);
                return Err(bad(format!(
                    "unknown placeholder '{}'",
                    brace[..end].escape_debug()
                )));
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Literal(literal));
        Ok(Self { pieces })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Literal(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Bytes => f.write_str("{bytes}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(template: &str, length: usize) -> String {
        let mut text = Vec::new();
        template
            .parse::<Template>()
            .unwrap()
            .render(length, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn fills_in_the_length() {
        assert_eq!(rendered("", 1), "");
        assert_eq!(rendered("{bytes}{bytes}", 7), "77");
        assert_eq!(rendered("{{bytes}} = {bytes}", 0), "{bytes} = 0");
        assert_eq!(
            Reply::length(),
            Reply::Text(
                "Your data was {bytes} bytes long"
                    .parse::<Template>()
                    .map(|mut t| {
                        t.pieces.retain(|p| *p != Piece::Literal(String::new()));
                        t
                    })
                    .unwrap()
            )
        );
    }

    #[test]
    fn refuses_what_it_cannot_fill_in() {
        for (text, named) in [
            ("{size}", "{size}"),
            ("a{", "{"),
            ("}", "}"),
            ("{bytes", "{bytes"),
        ] {
            let error = text.parse::<Template>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("unknown placeholder '{named}'")),
                "{error}"
            );
        }
    }

    #[test]
    fn knows_its_own_replies() {
        for template in [
            "Your data was {bytes} bytes long",
            "{bytes} bytes came in",
            "there came {bytes}7 bytes",
            "got {bytes} of {bytes} here",
            "a text without a number",
        ] {
            let parsed: Template = template.parse().unwrap();
            for length in [0, 7, 10, 38, 65_507] {
                let text = rendered(template, length);
                assert!(parsed.may_have_rendered(text.as_bytes()), "{text}");
                let other = format!("{text}!");
                assert!(!parsed.may_have_rendered(other.as_bytes()), "{other}");
            }
            assert!(!parsed.may_have_rendered(b"hello"));
        }
        // Too little to identify it.
        assert!(
            !"{bytes}"
                .parse::<Template>()
                .unwrap()
                .may_have_rendered(b"7")
        );
        for (text, want) in [
            ("Your data was 38 bytes long", true),
            ("Your data was 38 bytes long.", true),
            ("Your data was  bytes long", false),
            ("Your data was 380000 bytes long", false),
            ("Your data was x bytes long", false),
        ] {
            assert_eq!(Template::is_textbook_reply(text.as_bytes()), want, "{text}");
        }
        assert!(
            "Your data was {bytes} bytes long."
                .parse::<Template>()
                .unwrap()
                .is_textbook()
        );
        assert!(!"{bytes}".parse::<Template>().unwrap().is_textbook());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_prints_as_it_was(text in "[a{}byte s]{0,20}") {
            if let Ok(template) = text.parse::<Template>() {
                prop_assert_eq!(template.to_string(), text);
            }
        }
    }
}
