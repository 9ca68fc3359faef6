//! The catalogue as a table, one option in full, and the effect of a setting.

pub(super) mod record;

use std::fmt::Write;
use std::io;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use udpraw::error::errno_name;
use udpraw::socket::Family;
use udpraw::socket::options::{Access, MEMORY_COUNTERS, OptionValue, SocketOption, Value};

use self::record::{AppliedRecord, OptionRecord};
use super::Output;
use super::style::{FAINT, HEADING, NAME, NOTE, STRONG};

/// From this width on the meaning is next to an option instead of below it.
const WIDE: usize = 160;

/// How wide prose gets, however wide the terminal is.
const PROSE: usize = 100;

/// An option and its value on a fresh socket.
pub(crate) struct Described {
    pub(crate) option: &'static SocketOption,
    pub(crate) value: Option<Value>,
    /// The errno if the kernel refuses the option on this socket.
    pub(crate) refusal: Option<i32>,
}

/// A setting that was applied, and its option's value before and after.
pub(crate) struct Applied {
    pub(crate) setting: OptionValue,
    pub(crate) before: Option<Value>,
    pub(crate) effective: Option<Value>,
    /// Why it is not what was requested.
    pub(crate) remark: Option<String>,
}

impl Described {
    fn record(&self, output: &mut Output, family: Family) -> io::Result<()> {
        let option = self.option;
        output.record(&OptionRecord {
            name: option.name,
            aliases: option.aliases,
            level: option.level.to_string(),
            level_number: option.level.number(family),
            number: option.number,
            r#type: option.kind.name(),
            unit: option.kind.unit(),
            allowed: &option.kind.allowed(),
            access: option.access.to_string(),
            privilege: option.privilege,
            families: option.families(),
            since_kernel: option.since,
            meaning: option.meaning,
            caveats: option.traps,
            control_message_bytes: option.control,
            manual: option.man,
            value: self.value.as_ref().map(json),
            errno: self.refusal.map(errno_name),
        })
    }

    /// The value; the errno's name where the kernel refuses the option; `-` where it has none.
    fn shown(&self) -> String {
        match (&self.value, self.refusal) {
            (_, Some(errno)) => errno_name(errno),
            // Nine counters are too wide for a column, and most are 0 on a fresh socket.
            (Some(Value::MemoryInfo(counters)), None) => MEMORY_COUNTERS
                .iter()
                .zip(counters)
                .filter(|(_, counter)| **counter != 0)
                .map(|(name, counter)| format!("{name}={counter}"))
                .collect::<Vec<_>>()
                .join(" "),
            (Some(value), None) => value.to_string(),
            (None, None) => "-".into(),
        }
    }

    fn type_and_unit(&self) -> String {
        match self.option.kind.unit() {
            "" => self.option.kind.name().into(),
            unit => format!("{}, {unit}", self.option.kind.name()),
        }
    }

    /// Who may set it, in short for a column.
    fn who(&self) -> &'static str {
        let option = self.option;
        match (option.access, option.privilege) {
            (Access::Read, _) => "read only",
            (_, "") => "anyone",
            (_, privilege) => privilege,
        }
    }
}

/// Numbers and flags as JSON has them, counters as an object, the rest as text.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Flag(on) => (*on).into(),
        Value::Int(number) => (*number).into(),
        Value::Cookie(number) => (*number).into(),
        Value::MemoryInfo(counters) => MEMORY_COUNTERS
            .iter()
            .zip(counters)
            .map(|(name, counter)| ((*name).to_owned(), (*counter).into()))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.to_string().into(),
    }
}

/// The whole catalogue, level by level.
pub(crate) fn table(output: &mut Output, options: &[Described], family: Family) -> io::Result<()> {
    if output.is_json() {
        return options
            .iter()
            .try_for_each(|option| option.record(output, family));
    }
    let width = width();
    let beneath = width.is_some_and(|width| width < WIDE);
    let mut table = bare_table(width);
    let mut header = vec!["option", "value", "type", "who may set it", "since"];
    if !beneath {
        header.push("meaning");
    }
    table.set_header(header);
    for described in options {
        let option = described.option;
        let mut row = vec![
            option.name.to_owned(),
            described.shown(),
            described.type_and_unit(),
            described.who().to_owned(),
            option.since.to_owned(),
        ];
        if !beneath {
            row.push(option.meaning_in(output.language()).to_owned());
        }
        table.add_row(row);
    }
    pad(&mut table);
    // A name or a version that is broken in two is neither.
    for index in [0, 4] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }

    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default();
    let mut text = format!("{STRONG}{}{STRONG:#}\n", header.trim_end());
    let mut options = options.iter();
    let mut level = None;
    let mut meaning = String::new();
    for line in lines {
        // A row's further lines leave the first column empty.
        if line.starts_with(' ') {
            let _ = writeln!(text, "{}", line.trim_end());
            continue;
        }
        text.push_str(&std::mem::take(&mut meaning));
        let Some(Described { option, .. }) = options.next() else {
            break;
        };
        if level.replace(option.level) != Some(option.level) {
            let _ = writeln!(text, "\n{HEADING}{}{HEADING:#}", option.level);
        }
        let rest = line
            .strip_prefix(option.name)
            .unwrap_or_default()
            .trim_end();
        let _ = writeln!(text, "{NAME}{}{NAME:#}{rest}", option.name);
        if beneath {
            let what = option.meaning_in(output.language());
            for line in wrapped(what, width.map(|width| width - INDENT.len())) {
                let _ = writeln!(meaning, "{INDENT}{FAINT}{line}{FAINT:#}");
            }
        }
    }
    text.push_str(&meaning);
    output.text(&text)
}

/// Columns that begin at the margin, two spaces apart.
fn pad(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
}

const INDENT: &str = "    ";

/// A table without lines, as wide as the terminal; where there is none, as wide as its content.
fn bare_table(width: Option<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    table
}

/// Everything about one option.
pub(crate) fn described(
    output: &mut Output,
    described: &Described,
    family: Family,
    is_further: bool,
) -> io::Result<()> {
    if output.is_json() {
        return described.record(output, family);
    }
    let option = described.option;
    let mut text = String::new();
    if is_further {
        text.push('\n');
    }
    let meaning = option.meaning_in(output.language());
    let _ = writeln!(text, "{NAME}{}{NAME:#}: {meaning}", option.name);
    let level = option.level.number(family);
    let mut field = |name: &str, value: &str| paragraph(&mut text, name, value);
    field("level", &format!("{} ({level})", option.level));
    field("constant", &option.number.to_string());
    if !option.aliases.is_empty() {
        field("also", &option.aliases.join(", "));
    }
    field("value", &value_line(described, family));
    field("type", &described.type_and_unit());
    if option.is_settable() {
        field("allowed", &option.kind.allowed());
    }
    field("access", &option.access.to_string());
    if option.access != Access::Read {
        field("who", described.who());
    }
    field("sockets", option.families());
    field("since", &format!("Linux {}", option.since));
    field("control", &control_line(option));
    field("manual", option.man);
    for (index, trap) in option.traps.iter().enumerate() {
        field(if index == 0 { "traps" } else { "" }, trap);
    }
    output.text(&text)
}

fn value_line(described: &Described, family: Family) -> String {
    let value = described.value.as_ref();
    let value = value.map(|value| format!("{value} on a fresh {family} socket"));
    match (value, described.refusal) {
        (Some(value), None) => value,
        (Some(value), Some(errno)) => {
            format!("{value}; setting it fails: {}", errno_name(errno))
        }
        (None, Some(errno)) => format!("refused on a fresh {family} socket: {}", errno_name(errno)),
        (None, None) => match described.option.shown_by() {
            Some(other) => format!("cannot be read; {} shows the effect", other.name),
            None => "cannot be read".into(),
        },
    }
}

fn control_line(option: &SocketOption) -> String {
    let sizes: Vec<_> = option.control.iter().map(usize::to_string).collect();
    match &sizes[..] {
        [] => "no control message".into(),
        [size] => format!("a control message of at most {size} bytes with each datagram"),
        sizes => format!(
            "control messages of at most {} bytes with each datagram",
            sizes.join(" and ")
        ),
    }
}

/// A field's name and its value, wrapped.
fn paragraph(text: &mut String, name: &str, value: &str) {
    let room = width().map(|width| width.min(PROSE).saturating_sub(12));
    for (index, line) in wrapped(value, room).into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        let _ = writeln!(text, "  {STRONG}{name:<10}{STRONG:#}{line}");
    }
}

/// The requested value and the effective one.
pub(crate) fn applied(output: &mut Output, settings: &[Applied], family: Family) -> io::Result<()> {
    if output.is_json() {
        return settings.iter().try_for_each(|applied| {
            let requested = applied.setting.requested();
            let effective = applied.effective.as_ref();
            output.record(&AppliedRecord {
                name: applied.setting.option().name,
                before: applied.before.as_ref().map(json),
                requested: json(requested),
                effective: effective.map(json),
                as_requested: effective
                    .map(|effective| effective == requested && applied.remark.is_none()),
                remark: applied.remark.as_deref(),
            })
        });
    }
    if settings.is_empty() {
        return Ok(());
    }
    let shown = |value: &Option<Value>| value.as_ref().map_or("-".into(), Value::to_string);
    let mut table = bare_table(None);
    table.set_header([
        "option".to_owned(),
        format!("on a fresh {family} socket"),
        "requested".to_owned(),
        "effective".to_owned(),
    ]);
    for applied in settings {
        table.add_row([
            applied.setting.option().name.to_owned(),
            shown(&applied.before),
            applied.setting.requested().to_string(),
            shown(&applied.effective),
        ]);
    }
    pad(&mut table);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default();
    let mut text = format!("{STRONG}{}{STRONG:#}\n", header.trim_end());
    for (line, applied) in lines.zip(settings) {
        let option = applied.setting.option();
        let rest = line.strip_prefix(option.name).unwrap_or_default();
        let _ = writeln!(text, "{NAME}{}{NAME:#}{}", option.name, rest.trim_end());
        let differs = applied
            .effective
            .as_ref()
            .is_some_and(|effective| effective != applied.setting.requested());
        let is_known = applied.remark.is_some();
        if let Some(remark) = &applied.remark {
            let _ = writeln!(text, "{INDENT}{NOTE}-{NOTE:#} {remark}");
        }
        for trap in option.traps.iter().filter(|_| differs && !is_known) {
            let _ = writeln!(text, "{INDENT}{NOTE}-{NOTE:#} {FAINT}{trap}{FAINT:#}");
        }
    }
    output.text(&text)
}

/// How wide the terminal on standard output is, if it is one.
pub(super) fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0).max(60))
}

/// The text in lines of at most `room` characters; one line where there is no limit.
fn wrapped(text: &str, room: Option<usize>) -> Vec<String> {
    let room = room.unwrap_or(usize::MAX);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
