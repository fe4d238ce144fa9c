'use strict';

const axios = require('axios');

const ATTEMPTS = 3;

/** Reads contacts; waits where it is told to, and asks for a new token where the old one is refused, both within bounds. */
class Crm {
  constructor(tokens, baseUrl) {
    this.tokens = tokens;
    this.baseUrl = baseUrl;
  }

  async contact(externalId) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        const headers = { Authorization: `Bearer ${await this.tokens.current()}`, Accept: 'application/json' };
        const answer = await axios.get(`${this.baseUrl}/contacts/${encodeURIComponent(externalId)}`, { headers });
        return answer.data;
      } catch (error) {
        const status = error.response && error.response.status;
        if (status === 429) {
          await pause(error.response.headers['retry-after'], attempt);
        } else if (status === 401) {
          await this.tokens.renew();
        } else {
          throw error;
        }
      }
    }
    throw new Error(`the CRM refused ${ATTEMPTS} times`);
  }
}

function pause(retryAfter, attempt) {
  const seconds = retryAfter === undefined ? 2 ** attempt + Math.random() / 2 : Number.parseInt(retryAfter, 10);
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

module.exports = { Crm };
