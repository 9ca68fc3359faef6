//! What a server answers.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use crate::error::{Error, Result};

/// What a server answers to a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A text with the datagram's length in it.
    Text(Template),
    /// The datagram itself.
    Echo,
    /// Nothing: a sink.
    Nothing,
}

impl Reply {
    /// The reply of the documents' newer program: `Your data was 38 bytes long`.
    pub fn length() -> Self {
        Self::Text(Template {
            pieces: vec![
                Piece::Literal("Your data was ".into()),
                Piece::Bytes,
                Piece::Literal(" bytes long".into()),
            ],
        })
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

/// A text with `{bytes}` where the datagram's length shall stand; `{{` and `}}` are braces.
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

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_prints_as_it_was(text in "[a{}byte s]{0,20}") {
            if let Ok(template) = text.parse::<Template>() {
                prop_assert_eq!(template.to_string(), text);
            }
        }
    }
}
