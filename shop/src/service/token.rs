//! Passwords and signed tokens.
//!
//! A token is `user.expiry.signature`: anybody in the shop who knows the run's secret can check it without asking
//! *auth*. The secret is derived from the run's seed, which is no secret at all: this is a rehearsal on the loopback,
//! and what it must have of the real thing is the cost.

use hmac::{Hmac, KeyInit as _, Mac as _};
use metrics::Timestamp;
use sha2::Sha256;

/// How long a token holds, in seconds.
const LIFE: i64 = 24 * 3600;
/// How many rounds a password's hash takes: some tenths of a millisecond.
pub(crate) const ROUNDS: u32 = 400;

/// The run's secret.
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

/// Why a token is not good.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BadToken {
    /// It was not made by this shop, or was changed.
    #[error("the token is not of this shop; log in again")]
    Forged,
    /// Its time is over.
    #[error("the token's time is over; log in again")]
    Expired,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret of a run.
    pub(crate) fn of(seed: u64, run: u32) -> Self {
        let mut mac = mac(b"rushhour token");
        mac.update(&seed.to_be_bytes());
        mac.update(&run.to_be_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// A token for `user`, from `now` on.
    pub(crate) fn sign(&self, user: &str, now: Timestamp) -> String {
        let claim = format!("{}.{}", hex(user.as_bytes()), now.as_secs() + LIFE);
        let signature = hex(&self.mac(&claim).finalize().into_bytes());
        format!("{claim}.{signature}")
    }

    /// Whose token it is.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<String, BadToken> {
        let (claim, signature) = token.rsplit_once('.').ok_or(BadToken::Forged)?;
        let signature = unhex(signature).ok_or(BadToken::Forged)?;
        self.mac(claim)
            .verify_slice(&signature)
            .map_err(|_| BadToken::Forged)?;
        let (user, expiry) = claim.split_once('.').ok_or(BadToken::Forged)?;
        let expiry: i64 = expiry.parse().map_err(|_| BadToken::Forged)?;
        if expiry <= now.as_secs() {
            return Err(BadToken::Expired);
        }
        let user = unhex(user).ok_or(BadToken::Forged)?;
        String::from_utf8(user).map_err(|_| BadToken::Forged)
    }

    fn mac(&self, claim: &str) -> Hmac<Sha256> {
        let mut mac = mac(&self.0);
        mac.update(claim.as_bytes());
        mac
    }
}

/// PBKDF2 with HMAC-SHA-256 and one block (RFC 8018, section 5.2), in hexadecimal digits.
pub(crate) fn password_hash(password: &str, salt: &str, rounds: u32) -> String {
    let key = mac(password.as_bytes());
    let mut first = key.clone();
    first.update(salt.as_bytes());
    first.update(&1_u32.to_be_bytes());
    let mut block: [u8; 32] = first.finalize().into_bytes().into();
    let mut sum = block;
    for _ in 1..rounds {
        let mut next = key.clone();
        next.update(&block);
        block = next.finalize().into_bytes().into();
        for (sum, byte) in sum.iter_mut().zip(block) {
            *sum ^= byte;
        }
    }
    hex(&sum)
}

/// A short name for `parts`, the same whenever they are: 16 hexadecimal digits.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut mac = mac(b"rushhour name");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    hex(&mac.finalize().into_bytes()[..8])
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_time_is_over_and_only_as_it_was_signed() {
        let now = Timestamp::from_secs(1_000);
        let secret = Secret::of(42, 7);
        let token = secret.sign("shopper1", now);
        assert_eq!(secret.verify(&token, now).unwrap(), "shopper1");
        let later = Timestamp::from_secs(1_000 + LIFE);
        assert_eq!(secret.verify(&token, later), Err(BadToken::Expired));
        assert_eq!(Secret::of(42, 8).verify(&token, now), Err(BadToken::Forged));
        let mut changed = token.clone().into_bytes();
        changed[3] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        for bad in [changed.as_str(), "", ".", "a.b.c", &token[1..]] {
            assert_eq!(secret.verify(bad, now), Err(BadToken::Forged), "{bad}");
        }
    }

    #[test]
    fn the_password_hash_is_pbkdf2() {
        // The vectors for PBKDF2-HMAC-SHA-256 of RFC 7914, section 11, the first of their two blocks.
        assert_eq!(
            password_hash("passwd", "salt", 1),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        );
        assert_eq!(
            password_hash("Password", "NaCl", 80_000),
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        );
    }

    #[test]
    fn a_digest_depends_on_where_the_parts_end() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(digest(&["ab"]).len(), 16);
    }
}
