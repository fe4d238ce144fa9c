'use strict';

/**
 * Stands in for axios, with the little of it that the action under test uses, so that the tests need no package registry:
 * post and get, forms by content type, JSON answers, and errors that carry the response.
 */

async function request(method, url, data, options = {}) {
  const headers = { Accept: 'application/json, text/plain, */*', ...options.headers };
  const form = /x-www-form-urlencoded/.test(headers['Content-Type'] || '');
  const body = data === undefined ? undefined : form ? new URLSearchParams(data).toString() : JSON.stringify(data);
  const answer = await fetch(url, { method, headers, body });
  const text = await answer.text();
  const response = { status: answer.status, headers: Object.fromEntries(answer.headers), data: text };
  try {
    response.data = JSON.parse(text);
  } catch {
    // what is no JSON stays text
  }
  if (!answer.ok) {
    throw Object.assign(new Error(`Request failed with status code ${answer.status}`), { response });
  }
  return response;
}

module.exports = {
  get: (url, options) => request('GET', url, undefined, options),
  post: (url, data, options) => request('POST', url, data, options),
};
