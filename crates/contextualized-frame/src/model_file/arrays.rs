//! Arrays between JSON and tensors.
//!
//! An array of numbers becomes a tensor named by its place in the model, and `{"tensor": name}` stands
//! where it was: a table, which serde writes as `{"v": 1, "dim": […], "data": […]}`, in its shape, and
//! a long list of decimal numbers or of counts as `{"list": name}`.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Map, Number, Value, json};
use std::collections::HashSet;

/// Lists as long as this are tensors; shorter ones are easier to read where they are.
const LONG: usize = 32;

/// The deepest a model goes.
const DEEPEST: usize = 100;

pub(super) struct Tensor {
    pub(super) name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    pub(super) fn view(&self) -> Result<TensorView<'_>, SafeTensorError> {
        TensorView::new(self.dtype, self.shape.clone(), &self.bytes)
    }
}

/// Takes all arrays out of a model.
pub(super) fn take_out(model: &mut Value) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    walk_out(model, "", &mut tensors);
    tensors
}

fn walk_out(value: &mut Value, name: &str, tensors: &mut Vec<Tensor>) {
    let inner = |key: &str| match name {
        "" => key.to_owned(),
        _ => format!("{name}.{key}"),
    };
    let replacement = match value {
        Value::Object(object) => table(object).map(|(shape, numbers)| ("tensor", shape, numbers)),
        Value::Array(list) if list.len() >= LONG => {
            numbers(list).map(|numbers| ("list", vec![list.len()], numbers))
        }
        _ => None,
    };
    if let Some((kind, shape, (dtype, bytes))) = replacement {
        *value = json!({ kind: name });
        tensors.push(Tensor {
            name: name.to_owned(),
            dtype,
            shape,
            bytes,
        });
        return;
    }
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                walk_out(value, &inner(key), tensors);
            }
        }
        Value::Array(list) => {
            for (position, value) in list.iter_mut().enumerate() {
                walk_out(value, &inner(&position.to_string()), tensors);
            }
        }
        _ => {}
    }
}

/// The type of numbers, and their bytes.
type Numbers = (Dtype, Vec<u8>);

/// Shape and numbers of a table, if this is one.
fn table(object: &Map<String, Value>) -> Option<(Vec<usize>, Numbers)> {
    if object.len() != 3 || !object.contains_key("v") {
        return None;
    }
    let shape: Vec<usize> = object
        .get("dim")?
        .as_array()?
        .iter()
        .map(|width| usize::try_from(width.as_u64()?).ok())
        .collect::<Option<_>>()?;
    let list = object.get("data")?.as_array()?;
    let cells = shape.iter().try_fold(1_usize, |a, b| a.checked_mul(*b))?;
    // No cells have no type: such a table stays where it is.
    if cells == list.len() && cells > 0 {
        Some((shape, numbers(list)?))
    } else {
        None
    }
}

/// The bytes of a list of which all are decimal numbers, or all are counts.
fn numbers(list: &[Value]) -> Option<Numbers> {
    let all = |bytes_of: fn(&Value) -> Option<[u8; 8]>| {
        let cells = list.iter().map(bytes_of).collect::<Option<Vec<_>>>();
        cells.map(|cells| cells.concat())
    };
    let decimals = all(|value| {
        let decimal = value.as_f64().filter(|_| value.is_f64());
        decimal.map(f64::to_le_bytes)
    });
    match decimals {
        Some(bytes) => Some((Dtype::F64, bytes)),
        None => all(|value| value.as_u64().map(u64::to_le_bytes)).map(|bytes| (Dtype::U64, bytes)),
    }
}

/// Puts all tensors back to where they were taken from.
pub(super) fn put_back(model: &mut Value, tensors: &SafeTensors<'_>) -> Result<(), String> {
    walk_back(model, tensors, &mut HashSet::new(), 0)
}

/// Every array has one place: one that had many would make a small file large.
fn walk_back(
    value: &mut Value,
    tensors: &SafeTensors<'_>,
    used: &mut HashSet<String>,
    depth: usize,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("it is nested more than {DEEPEST} deep"));
    }
    if let Some((kind, name)) = placeholder(value) {
        let tensor = tensors
            .tensor(&name)
            .map_err(|_| format!("its array {name:?} is not there"))?;
        if !used.insert(name.clone()) {
            return Err(format!("its array {name:?} is in two places"));
        }
        let list =
            list(&tensor).ok_or_else(|| format!("its array {name:?} contains no numbers"))?;
        *value = match kind {
            Kind::List => list,
            Kind::Table => json!({"v": 1, "dim": tensor.shape(), "data": list}),
        };
        return Ok(());
    }
    match value {
        Value::Object(object) => object
            .values_mut()
            .try_for_each(|value| walk_back(value, tensors, used, depth + 1)),
        Value::Array(list) => list
            .iter_mut()
            .try_for_each(|value| walk_back(value, tensors, used, depth + 1)),
        _ => Ok(()),
    }
}

enum Kind {
    Table,
    List,
}

fn placeholder(value: &Value) -> Option<(Kind, String)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (key, name) = object.iter().next()?;
    let kind = match key.as_str() {
        "tensor" => Kind::Table,
        "list" => Kind::List,
        _ => return None,
    };
    Some((kind, name.as_str()?.to_owned()))
}

fn list(tensor: &TensorView<'_>) -> Option<Value> {
    let number: fn([u8; 8]) -> Option<Number> = match tensor.dtype() {
        Dtype::F64 => |bytes| Number::from_f64(f64::from_le_bytes(bytes)),
        Dtype::U64 => |bytes| Some(u64::from_le_bytes(bytes).into()),
        _ => return None,
    };
    let cells = tensor.data().chunks_exact(8);
    cells
        .map(|bytes| number(bytes.try_into().ok()?).map(Value::Number))
        .collect()
}
