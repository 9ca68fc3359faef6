//! Pictures as SVG, drawn with the crate plotters.
//!
//! Colours are attributes in light tones; the style sheet ([`STYLE`]) replaces them by attribute where the
//! reader prefers dark. Coordinates are four times as fine as the text is large, since plotters rounds them.

mod axis;
mod series;

use plotters::prelude::*;

pub(super) use axis::Axis;
pub(super) use series::charts;

use super::merge::Merged;

/// How much finer coordinates are than pixels.
const FINE: u32 = 4;

pub(super) const INK: RGBColor = RGBColor(0x3d, 0x4a, 0x57);
pub(super) const GRID: RGBColor = RGBColor(0xdf, 0xe4, 0xe9);
pub(super) const BLUE: RGBColor = RGBColor(0x1d, 0x5f, 0xa8);
pub(super) const TEAL: RGBColor = RGBColor(0x1f, 0x87, 0x81);
pub(super) const AMBER: RGBColor = RGBColor(0xc4, 0x6a, 0x10);
pub(super) const ROSE: RGBColor = RGBColor(0xb0, 0x3a, 0x5b);
pub(super) const GREY: RGBColor = RGBColor(0x8a, 0x94, 0x9e);

/// The style of the pictures: what the reader prefers.
pub(super) const STYLE: &str = "\
svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-variant-numeric:tabular-nums}
@media screen and (prefers-color-scheme:dark){
svg [fill='#3D4A57']{fill:#c3ccd5}svg [stroke='#3D4A57']{stroke:#5b6874}
svg [stroke='#DFE4E9']{stroke:#2a333c}
svg [stroke='#1D5FA8']{stroke:#6cb0f5}svg [fill='#1D5FA8']{fill:#6cb0f5}
svg [stroke='#1F8781']{stroke:#55c9c1}svg [fill='#1F8781']{fill:#55c9c1}
svg [stroke='#C46A10']{stroke:#f0a257}svg [fill='#C46A10']{fill:#f0a257}
svg [stroke='#B03A5B']{stroke:#f07f9e}svg [fill='#B03A5B']{fill:#f07f9e}
}";

/// A figure that is drawn.
pub(super) struct Chart {
    /// Its name in file names and ids.
    pub(super) id: String,
    /// What it shows.
    pub(super) title: String,
    /// The same in a sentence with numbers, for those who do not see it.
    pub(super) text: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

/// A line, or the area between two.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) colour: RGBColor,
    pub(super) shape: Shape,
    /// The pieces without a gap.
    pub(super) pieces: Vec<Vec<(f64, f64)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A line of this width in quarters of a pixel.
    Line(u32),
    /// Points of this radius in quarters of a pixel.
    Dots(u32),
    /// An area, whose outline the points are; it is not in the legend.
    Area,
}

/// For how much room a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// A page.
    Wide,
    /// A telephone.
    Narrow,
    /// A file of its own, with its title and style.
    Alone,
}

impl Room {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Wide => (860, 300),
            Self::Narrow => (360, 280),
            Self::Alone => (860, 340),
        }
    }
}

impl Chart {
    /// Its width and height: names have a line each.
    fn size(&self, room: Room) -> (u32, u32) {
        let (width, height) = room.size();
        let names = u32::try_from(self.y.count()).unwrap_or_default().min(100);
        match names {
            0 => (width, height),
            _ => (
                width,
                names * 26 + 70 + if room == Room::Alone { 40 } else { 0 },
            ),
        }
    }

    /// It as SVG.
    pub(super) fn svg(&self, room: Room) -> String {
        let (width, height) = self.size(room);
        let mut body = String::new();
        {
            let size = (width * FINE, height * FINE);
            let root = SVGBackend::with_string(&mut body, size).into_drawing_area();
            // Drawing into memory does not fail.
            let _ = self.draw(&root, room);
            let _ = root.present();
        }
        // The head of plotters says the size in quarters of a pixel; it is replaced.
        let inner = body.split_once('>').map_or("", |(_, inner)| inner);
        let id = format!("{}-{room:?}", self.id).to_lowercase();
        let style = match room {
            Room::Alone => format!(
                "<style>{STYLE}\n@media screen and (prefers-color-scheme:dark){{svg{{background:#12171c}}}}</style>"
            ),
            _ => String::new(),
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n<title id=\"{id}-t\">{}</title>\n\
             <desc id=\"{id}-d\">{}</desc>\n{style}{inner}",
            width * FINE,
            height * FINE,
            escaped(&self.title),
            escaped(&self.text),
        )
    }

    fn draw(
        &self,
        root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        room: Room,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let font = |size: u32| ("sans-serif", size * FINE * 5 / 4).into_font();
        let mut top = 6 * FINE as i32;
        if room == Room::Alone {
            let style = font(16).style(FontStyle::Bold).color(&INK);
            root.draw(&Text::new(
                self.title.as_str(),
                (10 * FINE as i32, top),
                style,
            ))?;
            top += 24 * FINE as i32;
        }
        top = self.legend(root, room, top)?;
        let (_, below) = root.split_vertically(top);
        let letters = u32::try_from(self.y.letters()).unwrap_or_default();
        let label = (letters * 7 + 14).clamp(70, room.size().0 / 2);
        let mut chart = ChartBuilder::on(&below)
            .margin_right(26 * FINE)
            .margin_top(6 * FINE)
            .x_label_area_size(30 * FINE)
            .y_label_area_size(label * FINE)
            .build_cartesian_2d(self.x.with_room(room), self.y.with_room(room))?;
        let labels = font(12).color(&INK);
        chart
            .configure_mesh()
            .set_all_tick_mark_size(6 * FINE)
            .x_labels(64)
            .y_labels(64)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(FINE))
            .axis_style(INK.stroke_width(FINE))
            .label_style(labels)
            .draw()?;
        for series in &self.series {
            for piece in &series.pieces {
                match series.shape {
                    Shape::Area => {
                        let fill = series.colour.mix(0.16).filled();
                        chart.draw_series([Polygon::new(piece.clone(), fill)])?;
                    }
                    Shape::Dots(radius) => {
                        let style = series.colour.filled();
                        let dots = piece.iter().map(|dot| Circle::new(*dot, radius, style));
                        chart.draw_series(dots)?;
                    }
                    Shape::Line(width) => {
                        let style = series.colour.stroke_width(width);
                        chart.draw_series([PathElement::new(piece.clone(), style)])?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Draws the names of the lines in their colours; returns where they end.
    fn legend(
        &self,
        root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        room: Room,
        top: i32,
    ) -> Result<i32, DrawingAreaErrorKind<std::io::Error>> {
        let fine = FINE as i32;
        let (left, right) = (16 * fine, (room.size().0 as i32 - 10) * fine);
        let (mut x, mut y) = (left, top);
        for series in self.series.iter().filter(|it| it.shape != Shape::Area) {
            // A letter is hardly wider than 7.5 of 12.
            let width = (series.name.chars().count() as i32 * 15 / 2 + 38) * fine;
            if x + width > right && x > left {
                (x, y) = (left, y + 18 * fine);
            }
            let middle = y + 8 * fine;
            let line = vec![(x, middle), (x + 16 * fine, middle)];
            root.draw(&PathElement::new(
                line,
                series.colour.stroke_width(3 * FINE),
            ))?;
            let style = ("sans-serif", 12 * FINE * 5 / 4).into_font().color(&INK);
            root.draw(&Text::new(
                series.name.clone(),
                (x + 22 * fine, y + 2 * fine),
                style,
            ))?;
            x += width;
        }
        Ok(y + 20 * fine)
    }
}

/// A rate for people.
pub(super) fn rate(rate: f64) -> String {
    super::text::per_second(rate)
}

fn escaped(text: &str) -> String {
    use maud::Render as _;
    text.render().into_string()
}

/// All pictures of a result, each with the name of its file and its SVG; `old` is what it is compared with.
pub(super) fn files(new: &Merged, old: Option<&Merged>) -> Vec<(String, String)> {
    charts(new, old)
        .iter()
        .map(|chart| (format!("{}.svg", chart.id), chart.svg(Room::Alone)))
        .collect()
}
