//! Curves as SVG.

use std::fmt::Write;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 220.0;
/// Left for the numbers of the axes.
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 28.0;
const EDGE: f64 = 10.0;
/// Lines across each axis.
const TICKS: usize = 4;

/// A curve over steps, with axes; nothing of a curve without two finite points.
pub(super) fn chart(points: &[(u64, f64)]) -> Option<String> {
    let points: Vec<(f64, f64)> =
        points.iter().map(|&(x, y)| (x as f64, y)).filter(|(_, y)| y.is_finite()).collect();
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < 2 {
        return None;
    }
    let (low, high) =
        points.iter().fold((f64::MAX, f64::MIN), |(low, high), (_, y)| (low.min(*y), high.max(*y)));
    // A flat curve lies in the middle.
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
    let x = |value: f64| LEFT + (value - first.0) / (last.0 - first.0) * (WIDTH - LEFT - EDGE);
    let y = |value: f64| EDGE + (high - value) / (high - low) * (HEIGHT - BOTTOM - EDGE);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for tick in 0..=TICKS {
        let share = tick as f64 / TICKS as f64;
        let (value, step) = (low + share * (high - low), first.0 + share * (last.0 - first.0));
        let (at, right, across) = (y(value), WIDTH - EDGE, x(step));
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{step:.0}</text>",
            LEFT - 6.0,
            at + 4.0,
            short(value),
            HEIGHT - 8.0
        );
    }
    let line: Vec<String> =
        points.iter().map(|&(step, value)| format!("{:.1},{:.1}", x(step), y(value))).collect();
    let _ = write!(svg, "<polyline points=\"{}\"/></svg>", line.join(" "));
    Some(svg)
}

/// A number in few digits.
pub(super) fn short(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_spans_its_axes() {
        let svg = chart(&[(0, 4.0), (50, f64::NAN), (100, 2.0)]).unwrap();
        assert!(svg.contains("points=\"64.0,10.0 550.0,192.0\""), "{svg}");
        assert!(svg.contains(">100<") && svg.contains(">2.5<"), "{svg}");
        assert!(chart(&[(0, 1.0)]).is_none());
        assert!(!chart(&[(0, 1.0), (1, 1.0)]).unwrap().contains("NaN"));
        assert_eq!([0.0, 0.25, 1e-4, 123_456.0].map(short), ["0", "0.25", "1.00e-4", "1.23e5"]);
    }
}
