'use strict';

/**
 * Brings a phone number into E.164 form: '+', country code, number, 8 to 15 digits in all.
 *
 * Returns null for what is no number: withheld callers arrive as 'anonymous' or 'restricted'.
 */
function normalise(raw, countryCode) {
  const text = String(raw || '').trim();
  const digits = text.replace(/[\s().\-/]/g, '');
  let international;
  if (/^\+\d+$/.test(digits)) {
    international = digits.slice(1);
  } else if (/^00\d+$/.test(digits)) {
    international = digits.slice(2);
  } else if (/^\d+$/.test(digits)) {
    international = countryCode + digits.replace(/^0/, '');
  } else {
    return null;
  }
  return /^[1-9]\d{7,14}$/.test(international) ? `+${international}` : null;
}

module.exports = { normalise };
