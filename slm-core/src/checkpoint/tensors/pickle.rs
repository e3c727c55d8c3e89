//! The pickle of a state dict: which tensors it names, and where in which storage each lies.
//!
//! A pickle is a program for a small machine. Here it is run on values that can do nothing: of everything but numbers,
//! texts, tuples and tensors it makes [`Value::Other`], and no name that it mentions is looked up.
//! Source: CPython 3.13, `Lib/pickletools.py`; PyTorch 2.9, `torch/serialization.py` and `torch/_utils.py`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Tuples in each other; a tensor has three.
const MAX_DEPTH: usize = 16;

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PickledTensor {
    /// The storage's name in the archive.
    pub(super) storage: Rc<str>,
    /// Its type, by the name that safetensors has for it.
    pub(super) dtype: &'static str,
    /// The first value, counted in values from the storage's start.
    pub(super) offset: usize,
    /// The shape.
    pub(super) shape: Vec<usize>,
    /// Values from one index to the next, for each dimension.
    pub(super) strides: Vec<usize>,
}

/// Tensors by name, shared with the memo, as more may be put into it later.
type Dict = Rc<RefCell<BTreeMap<String, PickledTensor>>>;

/// What the machine works on.
#[derive(Debug, Clone)]
enum Value {
    Integer(i64),
    Text(Rc<str>),
    /// With how many tuples are in each other.
    Tuple(Rc<[Value]>, usize),
    /// Module and name of a class or function.
    Global(Rc<str>),
    Storage(Rc<str>, &'static str),
    Tensor(Rc<PickledTensor>),
    Dict(Dict),
    Other,
}

/// The tensors of the state dict that `pickle` holds; entries that are none are passed over.
///
/// # Errors
///
/// Why it is no pickle, or none of a dictionary.
pub(super) fn tensors(pickle: &[u8]) -> Result<BTreeMap<String, PickledTensor>, String> {
    let mut machine = Machine { rest: pickle, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    match machine.run()? {
        Value::Dict(dict) => Ok(dict.borrow().clone()),
        _ => Err("it holds no state dict".to_owned()),
    }
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Value>,
    /// Places in the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Value, String> {
        loop {
            match self.byte()? {
                // PROTO, FRAME: how it was written
                0x80 => self.skip(1)?,
                0x95 => self.skip(8)?,
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                // POP, APPEND (lists are not kept), BUILD (a state dict's `_metadata`); the same above a mark
                b'0' | b'a' | b'b' => drop(self.pop()?),
                b'1' | b'e' | 0x90 => drop(self.above_mark()?),
                // Numbers
                b'K' => self.integer::<1>()?,
                b'M' => self.integer::<2>()?,
                b'J' => {
                    let bytes = self.array()?;
                    self.stack.push(Value::Integer(i32::from_le_bytes(bytes).into()));
                }
                0x8a => {
                    let size = usize::from(self.byte()?);
                    let bytes = self.take(size)?;
                    let number = long(bytes);
                    self.stack.push(number);
                }
                // NONE, NEWTRUE, NEWFALSE, EMPTY_LIST, EMPTY_SET; BINFLOAT; bytes of several sizes
                b'N' | 0x88 | 0x89 | b']' | 0x8f => self.stack.push(Value::Other),
                b'G' => self.opaque(8)?,
                b'C' => self.sized_opaque::<1>()?,
                b'B' => self.sized_opaque::<4>()?,
                0x8e | 0x96 => self.sized_opaque::<8>()?,
                // Texts
                0x8c => self.text::<1>()?,
                b'X' => self.text::<4>()?,
                0x8d => self.text::<8>()?,
                // Containers
                b'}' => self.stack.push(Value::Dict(Dict::default())),
                b')' => self.tuple(Vec::new())?,
                b't' => {
                    let items = self.above_mark()?;
                    self.tuple(items)?;
                }
                count @ 0x85..=0x87 => {
                    let items = self.pops(usize::from(count - 0x84))?;
                    self.tuple(items)?;
                }
                b's' => {
                    let pair = self.pops(2)?;
                    self.insert(&pair)?;
                }
                b'u' => {
                    let pairs = self.above_mark()?;
                    self.insert(&pairs)?;
                }
                // Names, calls, objects
                b'c' => {
                    let name = format!("{} {}", self.line()?, self.line()?);
                    self.stack.push(Value::Global(name.into()));
                }
                0x93 => {
                    let names = self.pops(2)?;
                    self.stack.push(match &names[..] {
                        [Value::Text(module), Value::Text(name)] => {
                            Value::Global(format!("{module} {name}").into())
                        }
                        _ => Value::Other,
                    });
                }
                b'R' | 0x81 => {
                    let call = self.pops(2)?;
                    self.stack.push(called(&call[0], &call[1]));
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.stack.push(persistent(&id).ok_or("a storage is not described as PyTorch does")?);
                }
                // The memo
                b'q' => self.remember::<1>()?,
                b'r' => self.remember::<4>()?,
                0x94 => {
                    let key = self.memo.len() as u32;
                    self.memo.insert(key, self.top()?.clone());
                }
                b'h' => self.recall::<1>()?,
                b'j' => self.recall::<4>()?,
                op => return Err(format!("pickle instruction {op:#04x} is not supported")),
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("the pickle ends early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<(), String> {
        self.take(count).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| "the pickle ends early".to_owned())
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    /// An unsigned number of `N` bytes.
    fn number<const N: usize>(&mut self) -> Result<u64, String> {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(self.take(N)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// As many bytes as the number of `N` bytes before them says.
    fn sized<const N: usize>(&mut self) -> Result<&[u8], String> {
        let size = usize::try_from(self.number::<N>()?).map_err(|_| "the pickle ends early")?;
        self.take(size)
    }

    fn line(&mut self) -> Result<String, String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').ok_or("the pickle ends early")?;
        let line = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.skip(1)?;
        Ok(line)
    }

    fn integer<const N: usize>(&mut self) -> Result<(), String> {
        let number = self.number::<N>()?;
        self.stack.push(Value::Integer(number as i64));
        Ok(())
    }

    fn text<const N: usize>(&mut self) -> Result<(), String> {
        let text = String::from_utf8_lossy(self.sized::<N>()?).into();
        self.stack.push(Value::Text(text));
        Ok(())
    }

    fn opaque(&mut self, bytes: usize) -> Result<(), String> {
        self.skip(bytes)?;
        self.stack.push(Value::Other);
        Ok(())
    }

    fn sized_opaque<const N: usize>(&mut self) -> Result<(), String> {
        self.sized::<N>()?;
        self.stack.push(Value::Other);
        Ok(())
    }

    /// Where the part of the stack begins that is above the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<&Value, String> {
        self.stack.last().ok_or_else(|| "the pickle takes from an empty stack".to_owned())
    }

    fn pop(&mut self) -> Result<Value, String> {
        self.pops(1)?.pop().ok_or_else(|| "the pickle takes from an empty stack".to_owned())
    }

    fn pops(&mut self, count: usize) -> Result<Vec<Value>, String> {
        let start = self.stack.len().checked_sub(count).filter(|&start| start >= self.floor());
        Ok(self.stack.split_off(start.ok_or("the pickle takes from an empty stack")?))
    }

    fn above_mark(&mut self) -> Result<Vec<Value>, String> {
        let mark = self.marks.pop().ok_or("the pickle has no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, items: Vec<Value>) -> Result<(), String> {
        let depth = |item: &Value| if let Value::Tuple(_, depth) = item { *depth } else { 0 };
        let depth = 1 + items.iter().map(depth).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} tuples in each other"));
        }
        self.stack.push(Value::Tuple(items.into(), depth));
        Ok(())
    }

    /// Puts keys and values, one after the other, into the dictionary on the stack.
    fn insert(&mut self, pairs: &[Value]) -> Result<(), String> {
        if let Value::Dict(dict) = self.top()? {
            let mut dict = dict.borrow_mut();
            for pair in pairs.chunks_exact(2) {
                if let [Value::Text(key), Value::Tensor(tensor)] = pair {
                    dict.insert(key.to_string(), PickledTensor::clone(tensor));
                }
            }
        }
        Ok(())
    }

    fn remember<const N: usize>(&mut self) -> Result<(), String> {
        let key = self.number::<N>()? as u32;
        self.memo.insert(key, self.top()?.clone());
        Ok(())
    }

    fn recall<const N: usize>(&mut self) -> Result<(), String> {
        let key = self.number::<N>()? as u32;
        let value = self.memo.get(&key).ok_or("the pickle recalls what it did not store")?;
        self.stack.push(value.clone());
        Ok(())
    }
}

/// A number of at most eight bytes, two's complement.
fn long(bytes: &[u8]) -> Value {
    let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
    let mut full = [fill; 8];
    match full.get_mut(..bytes.len()) {
        Some(low) => low.copy_from_slice(bytes),
        None => return Value::Other,
    }
    Value::Integer(i64::from_le_bytes(full))
}

/// The storage that a persistent id describes: `("storage", type, name, device, values)`.
fn persistent(id: &Value) -> Option<Value> {
    let Value::Tuple(parts, _) = id else { return None };
    let [_, Value::Global(kind), Value::Text(name), ..] = &parts[..] else { return None };
    let dtype = match kind.strip_prefix("torch ")? {
        "DoubleStorage" => "F64",
        "FloatStorage" => "F32",
        "HalfStorage" => "F16",
        "BFloat16Storage" => "BF16",
        "LongStorage" => "I64",
        "IntStorage" => "I32",
        "ShortStorage" => "I16",
        "CharStorage" => "I8",
        "ByteStorage" => "U8",
        "BoolStorage" => "BOOL",
        _ => return None,
    };
    Some(Value::Storage(name.clone(), dtype))
}

/// What a call gives, where it is one of those that make tensors and dictionaries.
fn called(function: &Value, arguments: &Value) -> Value {
    let (Value::Global(function), Value::Tuple(arguments, _)) = (function, arguments) else {
        return Value::Other;
    };
    match (&**function, &arguments[..]) {
        ("collections OrderedDict", []) => Value::Dict(Dict::default()),
        ("torch._utils _rebuild_parameter", [tensor @ Value::Tensor(_), ..]) => tensor.clone(),
        (
            "torch._utils _rebuild_tensor_v2",
            [Value::Storage(storage, dtype), Value::Integer(offset), shape, strides, ..],
        ) => {
            let tensor = || {
                Some(PickledTensor {
                    storage: storage.clone(),
                    dtype,
                    offset: usize::try_from(*offset).ok()?,
                    shape: sizes(shape)?,
                    strides: sizes(strides)?,
                })
            };
            tensor().map_or(Value::Other, |tensor| Value::Tensor(tensor.into()))
        }
        _ => Value::Other,
    }
}

/// A tuple of sizes.
fn sizes(value: &Value) -> Option<Vec<usize>> {
    let Value::Tuple(items, _) = value else { return None };
    let size =
        |item: &Value| if let Value::Integer(size) = item { usize::try_from(*size).ok() } else { None };
    items.iter().map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_pickles_are_refused() {
        for (pickle, expected) in [
            (&b"\x80\x02"[..], "ends early"),
            (b"\x80\x02}", "ends early"),
            (b"N.", "holds no state dict"),
            (b".", "empty stack"),
            (b"(0.", "empty stack"),
            (b"t", "no mark"),
            (b"h\x01.", "did not store"),
            (b"X\xff\xff\xff\xff", "ends early"),
            (b"i", "instruction 0x69 is not supported"),
            (b"NQ", "not described as PyTorch does"),
        ] {
            let error = tensors(pickle).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let mut nested = b")".to_vec();
        nested.extend([0x85; 100]);
        assert!(tensors(&nested).unwrap_err().contains("more than 16 tuples"));
    }

    #[test]
    fn numbers_have_signs() {
        let number = |bytes: &[u8]| match long(bytes) {
            Value::Integer(number) => Some(number),
            _ => None,
        };
        assert_eq!(number(&[]), Some(0));
        assert_eq!(number(&[0xff]), Some(-1));
        assert_eq!(number(&[0xff, 0]), Some(255));
        assert_eq!(number(&[1; 9]), None);
    }
}
