//! The values of the metadata: numbers, texts, and arrays of one of them.

use std::io::Read;

use super::GgufProblem;
use super::cursor::{Cursor, Failure};

/// A value of the metadata.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// An integer of any size.
    Integer(i128),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// Yes or no.
    Flag(bool),
    /// A text.
    Text(String),
    /// Numbers of one type.
    Numbers(Numbers),
    /// Texts.
    Texts(Vec<Box<str>>),
}

impl Value {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::F32(_) | Self::F64(_) => "a float",
            Self::Flag(_) => "a flag",
            Self::Text(_) => "a text",
            Self::Numbers(_) => "an array of numbers",
            Self::Texts(_) => "an array of texts",
        }
    }

    /// Reads the value of `key`, its type first.
    pub(super) fn read(cursor: &mut Cursor<impl Read>, key: &str) -> Result<Self, Failure> {
        let found = cursor.u32("a value's type")?;
        match Kind::of(found, key)? {
            Kind::Text => Ok(Self::Text(cursor.text("a text")?)),
            Kind::Array => Self::read_array(cursor, key),
            Kind::Number(number) => number.read(cursor),
        }
    }

    fn read_array(cursor: &mut Cursor<impl Read>, key: &str) -> Result<Self, Failure> {
        let found = cursor.u32("an array's type")?;
        let count = cursor.u64("an array's length")?;
        match Kind::of(found, key)? {
            Kind::Array => Err(GgufProblem::Nested(key.to_owned()).into()),
            Kind::Text => {
                let count = cursor.count(count, 8, "texts")?;
                (0..count)
                    .map(|_| Ok(cursor.text("a text")?.into()))
                    .collect::<Result<_, _>>()
                    .map(Self::Texts)
            }
            Kind::Number(kind) => {
                let count = cursor.count(count, kind.size(), "numbers")?;
                let bytes = cursor.bytes(count * kind.size(), "an array")?;
                Ok(Self::Numbers(Numbers { kind, bytes }))
            }
        }
    }
}

impl Value {
    /// Writes it, its type first, as [`Self::read`] reads it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(value) => match u32::try_from(*value) {
                Ok(small) => tagged(out, 4, &small.to_le_bytes()),
                // Those that are negative have their sign in 64 bits.
                Err(_) if *value < 0 => tagged(out, 11, &(*value as i64).to_le_bytes()),
                Err(_) => tagged(out, 10, &(*value as u64).to_le_bytes()),
            },
            Self::F32(value) => tagged(out, 6, &value.to_le_bytes()),
            Self::F64(value) => tagged(out, 12, &value.to_le_bytes()),
            Self::Flag(value) => tagged(out, 7, &[u8::from(*value)]),
            Self::Text(text) => {
                tagged(out, 8, &[]);
                write_text(out, text);
            }
            Self::Numbers(numbers) => {
                tagged(out, 9, &numbers.kind.number().to_le_bytes());
                out.extend((numbers.bytes.len() as u64 / numbers.kind.size()).to_le_bytes());
                out.extend(&numbers.bytes);
            }
            Self::Texts(texts) => {
                tagged(out, 9, &8_u32.to_le_bytes());
                out.extend((texts.len() as u64).to_le_bytes());
                for text in texts {
                    write_text(out, text);
                }
            }
        }
    }
}

fn tagged(out: &mut Vec<u8>, kind: u32, bytes: &[u8]) {
    out.extend(kind.to_le_bytes());
    out.extend(bytes);
}

/// Writes a length and so many bytes of UTF-8.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Numbers of one type, as they lie in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    kind: NumberType,
    bytes: Vec<u8>,
}

impl Numbers {
    /// Integers of 32 bits.
    pub(super) fn of_integers(values: &[i32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { kind: NumberType::I32, bytes }
    }

    /// The numbers, one after the other.
    fn values(&self) -> impl Iterator<Item = Value> {
        self.bytes.chunks_exact(self.kind.size() as usize).map(|bytes| self.kind.value(bytes))
    }

    /// The numbers as integers; `None` where they are none.
    pub fn integers(&self) -> Option<Vec<i128>> {
        let integer = |value| if let Value::Integer(value) = value { Some(value) } else { None };
        self.values().map(integer).collect()
    }

    /// The numbers as floats; `None` where they are none.
    pub fn floats(&self) -> Option<Vec<f64>> {
        let float = |value| match value {
            Value::F32(value) => Some(f64::from(value)),
            Value::F64(value) => Some(value),
            _ => None,
        };
        self.values().map(float).collect()
    }
}

/// What a type's number stands for.
enum Kind {
    Number(NumberType),
    Text,
    Array,
}

impl Kind {
    fn of(found: u32, key: &str) -> Result<Self, Failure> {
        Ok(match found {
            8 => Self::Text,
            9 => Self::Array,
            0 => Self::Number(NumberType::U8),
            1 => Self::Number(NumberType::I8),
            2 => Self::Number(NumberType::U16),
            3 => Self::Number(NumberType::I16),
            4 => Self::Number(NumberType::U32),
            5 => Self::Number(NumberType::I32),
            6 => Self::Number(NumberType::F32),
            7 => Self::Number(NumberType::Flag),
            10 => Self::Number(NumberType::U64),
            11 => Self::Number(NumberType::I64),
            12 => Self::Number(NumberType::F64),
            _ => return Err(GgufProblem::ValueType { key: key.to_owned(), found }.into()),
        })
    }
}

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    Flag,
}

impl NumberType {
    /// Bytes of a number.
    fn size(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Flag => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Its number.
    fn number(self) -> u32 {
        match self {
            Self::U8 => 0,
            Self::I8 => 1,
            Self::U16 => 2,
            Self::I16 => 3,
            Self::U32 => 4,
            Self::I32 => 5,
            Self::F32 => 6,
            Self::Flag => 7,
            Self::U64 => 10,
            Self::I64 => 11,
            Self::F64 => 12,
        }
    }

    fn read(self, cursor: &mut Cursor<impl Read>) -> Result<Value, Failure> {
        Ok(self.value(&cursor.bytes(self.size(), "a number")?))
    }

    /// The number in `bytes`, which are as many as it has.
    fn value(self, bytes: &[u8]) -> Value {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let unsigned = u64::from_le_bytes(wide);
        match self {
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => Value::Integer(unsigned.into()),
            Self::I8 => Value::Integer((unsigned as i8).into()),
            Self::I16 => Value::Integer((unsigned as i16).into()),
            Self::I32 => Value::Integer((unsigned as i32).into()),
            Self::I64 => Value::Integer((unsigned as i64).into()),
            Self::F32 => Value::F32(f32::from_bits(unsigned as u32)),
            Self::F64 => Value::F64(f64::from_bits(unsigned)),
            Self::Flag => Value::Flag(unsigned != 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Value, Failure> {
        Value::read(&mut Cursor::new(bytes, bytes.len() as u64), "k")
    }

    #[test]
    fn numbers_have_their_signs() {
        for (kind, bytes, expected) in [
            (0_u32, vec![255], Value::Integer(255)),
            (1, vec![255], Value::Integer(-1)),
            (2, vec![254, 255], Value::Integer(65534)),
            (3, vec![254, 255], Value::Integer(-2)),
            (4, vec![255; 4], Value::Integer(u32::MAX.into())),
            (5, vec![255; 4], Value::Integer(-1)),
            (6, 1.5_f32.to_le_bytes().to_vec(), Value::F32(1.5)),
            (7, vec![1], Value::Flag(true)),
            (10, vec![255; 8], Value::Integer(u64::MAX.into())),
            (11, vec![255; 8], Value::Integer(-1)),
            (12, (-0.1_f64).to_le_bytes().to_vec(), Value::F64(-0.1)),
        ] {
            assert_eq!(read(&[kind.to_le_bytes().to_vec(), bytes].concat()).unwrap(), expected, "{kind}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for value in [
            Value::Integer(7),
            Value::Integer(-7),
            Value::Integer(1 << 40),
            Value::F32(1.5),
            Value::F64(-0.1),
            Value::Flag(true),
            Value::Text("a\u{e9}".into()),
            Value::Texts(vec!["a".into(), "".into()]),
            Value::Numbers(Numbers::of_integers(&[1, -2])),
        ] {
            let mut bytes = Vec::new();
            value.write(&mut bytes);
            assert_eq!(read(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn arrays_are_of_one_type() {
        let array = |kind: u32, count: u64, bytes: &[u8]| {
            let head =
                [9_u32.to_le_bytes().to_vec(), kind.to_le_bytes().to_vec(), count.to_le_bytes().to_vec()];
            read(&[head.concat(), bytes.to_vec()].concat())
        };
        let Ok(Value::Numbers(numbers)) = array(3, 2, &[1, 0, 255, 255]) else { panic!() };
        assert_eq!((numbers.integers(), numbers.floats()), (Some(vec![1, -1]), None));
        let Ok(Value::Numbers(numbers)) = array(6, 1, &0.5_f32.to_le_bytes()) else { panic!() };
        assert_eq!((numbers.integers(), numbers.floats()), (None, Some(vec![0.5])));
        let one = [1, 0, 0, 0, 0, 0, 0, 0, b'a'];
        assert_eq!(array(8, 1, &one).unwrap(), Value::Texts(vec!["a".into()]));
        for (found, expected) in [
            (array(9, 0, &[]), "`k` is an array of arrays"),
            (array(13, 0, &[]), "`k` has a value of type 13, which is not known"),
            (
                array(8, u64::MAX, &one),
                "18446744073709551615 texts do not fit into the 9 bytes that are left",
            ),
            (array(10, 2, &[0; 15]), "2 numbers do not fit into the 15 bytes that are left"),
            (array(8, 1, &[2, 0, 0, 0, 0, 0, 0, 0, b'a']), "the file ends within a text"),
            (array(8, 1, &[1, 0, 0, 0, 0, 0, 0, 0, 0xff]), "a text is not UTF-8"),
        ] {
            let Err(Failure::Problem(problem)) = found else { panic!("{found:?}") };
            assert_eq!(problem.to_string(), expected);
        }
    }
}
