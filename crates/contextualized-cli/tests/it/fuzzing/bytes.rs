//! Mutations of bytes, whatever they mean.

use super::one_of;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Numbers at which sizes and counts go wrong.
const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    0x7fff_ffff_ffff_ffff,
    u64::MAX - 1,
    u64::MAX,
];

/// Changes bytes in a few places: bits, numbers, parts left out, repeated or taken from another file, the end.
pub(super) fn change(random: &mut ChaCha8Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..random.gen_range(1..=4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.gen_range(0..bytes.len());
        let part = at..(at + random.gen_range(1..=32)).min(bytes.len());
        match random.gen_range(0..10) {
            0..=2 => bytes[at] ^= 1 << random.gen_range(0..8),
            3 => bytes[at] = random.r#gen(),
            4..=5 => {
                let number = one_of(random, &NUMBERS).to_le_bytes();
                let width = one_of(random, &[1, 2, 4, 8]).min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            6 => drop(bytes.drain(part)),
            7 => {
                let repeated = bytes[part.clone()].to_vec();
                bytes.splice(part.end..part.end, repeated);
            }
            8 if !other.is_empty() => {
                let from = random.gen_range(0..other.len());
                let piece = &other[from..(from + part.len()).min(other.len())];
                bytes.splice(part, piece.iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }
}
