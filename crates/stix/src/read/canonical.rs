//! The canonical form of an object that was read (RFC 8785), made only when two objects have one id.

use super::tape::{Shape, Value};
use crate::canonical::{write_all, write_text};

/// The canonical form. The scanner has bounded its depth.
pub(crate) fn of(value: Value<'_>) -> String {
    let mut out = String::with_capacity(value.raw().len());
    write(value, &mut out);
    out
}

pub(crate) fn write(value: Value<'_>, out: &mut String) {
    match value.shape() {
        Shape::Text => write_text(&value.text().unwrap_or_default(), out),
        Shape::Number => write_number(value.number().unwrap_or_default(), out),
        Shape::List => write_all(value.items(), ['[', ']'], out, write),
        Shape::Map => {
            let mut members: Vec<_> = value.members().filter_map(|(key, v)| Some((key.text()?, v))).collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            write_all(members.into_iter(), ['{', '}'], out, |(key, value), out| {
                write_text(&key, out);
                out.push(':');
                write(value, out);
            });
        }
        Shape::Boolean | Shape::Null => out.push_str(value.raw()),
    }
}

/// Writes a double as ECMAScript does (RFC 8785 §3.2.2.3, ECMA-262 `Number::toString`).
fn write_number(number: f64, out: &mut String) {
    if number == 0.0 {
        return out.push('0');
    }
    let (digits, point) = shortest(number.abs());
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or_default());
    if number < 0.0 {
        out.push('-');
    }
    if (count..=21).contains(&point) {
        out.push_str(&digits);
        out.push_str(&zeros(point - count));
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        out.extend([whole, ".", fraction]);
    } else if (-5..=0).contains(&point) {
        out.extend(["0.", &zeros(-point), &digits]);
    } else {
        let (first, rest) = digits.split_at(1);
        let (dot, sign) = (if rest.is_empty() { "" } else { "." }, if point > 0 { "+" } else { "-" });
        out.extend([first, dot, rest, "e", sign, &(point - 1).abs().to_string()]);
    }
}

/// The shortest digits that read back as this number, and how many of them stand before the point. Of two that are as
/// near, ECMAScript wants the even one; `serde_json` gives that, the formatting of the standard library does not.
fn shortest(number: f64) -> (String, i32) {
    let text = serde_json::to_string(&number).unwrap_or_default();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let before = i32::try_from(whole.len()).unwrap_or_default() + exponent.parse::<i32>().unwrap_or_default();
    let zeros = i32::try_from(all.len() - digits.len()).unwrap_or_default();
    (digits.trim_end_matches('0').to_owned(), before - zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        // RFC 8785 appendix B.
        for (bits, shown) in [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let mut out = String::new();
            write_number(f64::from_bits(bits), &mut out);
            assert_eq!(out, shown);
        }
    }
}
