//! Arithmetic in GF(256), the field of RFC 8681: bytes are polynomials modulo
//! x^8 + x^4 + x^3 + x^2 + 1, addition is exclusive or.

/// The polynomial without its highest term.
const POLYNOMIAL: u8 = 0x1d;

/// Powers of 2, a generator of the field; twice, so that the sum of two
/// logarithms needs no reduction.
const EXP: [u8; 510] = TABLES.0;
/// Logarithms to the base 2; that of 0 is never used.
const LOG: [u8; 256] = TABLES.1;

const TABLES: ([u8; 510], [u8; 256]) = tables();

const fn tables() -> ([u8; 510], [u8; 256]) {
    let (mut exp, mut log) = ([0; 510], [0; 256]);
    let mut value: u8 = 1;
    let mut power = 0;
    while power < 255 {
        exp[power] = value;
        exp[power + 255] = value;
        log[value as usize] = power as u8;
        let carry = value >> 7;
        value = (value << 1) ^ (carry * POLYNOMIAL);
        power += 1;
    }
    (exp, log)
}

/// The product of two bytes.
pub(super) fn multiply(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[usize::from(LOG[usize::from(a)]) + usize::from(LOG[usize::from(b)])]
}

/// What a byte must be multiplied by to give 1; 0 has none and stays 0.
pub(super) fn inverse(a: u8) -> u8 {
    if a == 0 {
        return 0;
    }
    EXP[255 - usize::from(LOG[usize::from(a)])]
}

/// Adds `factor` times `source` to the beginning of `target`, as far as both go.
pub(super) fn add_scaled(target: &mut [u8], source: &[u8], factor: u8) {
    if factor == 0 {
        return;
    }
    let shift = usize::from(LOG[usize::from(factor)]);
    for (target, &source) in target.iter_mut().zip(source) {
        if source != 0 {
            *target ^= EXP[shift + usize::from(LOG[usize::from(source)])];
        }
    }
}

/// Multiplies every byte by `factor`.
pub(super) fn scale(bytes: &mut [u8], factor: u8) {
    for byte in bytes {
        *byte = multiply(*byte, factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplication as the definition has it.
    fn slowly(mut a: u8, b: u8) -> u8 {
        let mut product = 0;
        for bit in 0..8 {
            if b >> bit & 1 == 1 {
                product ^= a;
            }
            a = (a << 1) ^ ((a >> 7) * POLYNOMIAL);
        }
        product
    }

    #[test]
    fn products_are_those_of_the_polynomials() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(multiply(a, b), slowly(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn every_byte_but_zero_has_an_inverse() {
        assert_eq!(inverse(0), 0);
        assert!((1..=255).all(|a| multiply(a, inverse(a)) == 1));
    }

    #[test]
    fn sums_end_where_the_shorter_ends() {
        let mut sum = [1, 2, 3];
        add_scaled(&mut sum, &[1, 0], 7);
        assert_eq!(sum, [1 ^ 7, 2, 3]);
        scale(&mut sum, 2);
        assert_eq!(sum[1], 4);
    }
}
