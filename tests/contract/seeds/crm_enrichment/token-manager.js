'use strict';

const axios = require('axios');

const MARGIN_MS = 60_000;

/** The CRM's access token for as long as one execution lasts. */
class CrmTokens {
  constructor(clientId, clientSecret, url) {
    this.form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope: 'contacts:read' };
    this.url = url;
    this.token = null;
    this.expiresAt = 0;
  }

  async current() {
    return this.token && Date.now() < this.expiresAt - MARGIN_MS ? this.token : this.renew();
  }

  async renew() {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    let answer;
    try {
      answer = await axios.post(this.url, this.form, { headers });
    } catch (error) {
      throw new Error(`no CRM token: ${error.message}`);
    }
    this.token = answer.data.access_token;
    this.expiresAt = Date.now() + answer.data.expires_in * 1000;
    return this.token;
  }
}

module.exports = { CrmTokens };
