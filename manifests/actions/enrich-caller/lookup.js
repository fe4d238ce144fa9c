'use strict';

const directory = require('./directory');

const ATTEMPTS = 3;
const LONGEST_WAIT_SECONDS = 2;

/** The CRM where its address is set, else the built-in directory, so that the action works on its own. */
function fromEnvironment(settings) {
  if (!settings.CRM_API_BASE_URL) {
    return { find: async (caller) => directory.find(caller) };
  }
  return {
    find: (caller) =>
      findInCrm(caller, {
        baseUrl: settings.CRM_API_BASE_URL.replace(/\/+$/, ''),
        apiKey: settings.CRM_API_KEY || '',
        timeoutMs: 1000 * Number(settings.CRM_TIMEOUT_SECONDS || 4),
      }),
  };
}

async function findInCrm({ phoneNumber, externalId }, crm) {
  const path = externalId
    ? `/customers/${encodeURIComponent(externalId)}`
    : `/customers/by-phone/${encodeURIComponent(phoneNumber)}`;
  const signal = AbortSignal.timeout(crm.timeoutMs);
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(crm.baseUrl + path, {
      headers: { Accept: 'application/json', 'X-Api-Key': crm.apiKey },
      signal,
    });
    if (response.status === 404) {
      return null;
    }
    if (response.ok) {
      return fromCrm(await response.json());
    }
    const transient = response.status === 429 || response.status >= 500;
    if (!transient || attempt === ATTEMPTS) {
      throw new Error(`the CRM answered ${response.status}`);
    }
    await pause(response.headers.get('retry-after'), attempt);
  }
}

function fromCrm(record) {
  return {
    id: String(record.id),
    name: String(record.fullName || ''),
    annualPremiumEur: Number(record.annualPremiumEur || 0),
    yearsWithUs: Number(record.yearsWithUs || 0),
    openClaims: Number(record.openClaims || 0),
  };
}

function pause(retryAfter, attempt) {
  const asked = Number(retryAfter);
  const seconds = retryAfter && Number.isFinite(asked) ? asked : 0.1 * 2 ** attempt;
  return new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(seconds, LONGEST_WAIT_SECONDS)));
}

module.exports = { fromEnvironment };
