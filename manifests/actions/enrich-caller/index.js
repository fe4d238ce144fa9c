'use strict';

const { fromEnvironment } = require('./lookup');
const { normalise } = require('./phone');
const { priority, tier } = require('./scoring');

/**
 * Says who is calling and how urgent it is.
 *
 * A lookup that fails never holds up the call: the caller is then treated as unknown, and the reason is told.
 */
module.exports = async (context, inputs) => {
  const settings = process.env;
  const phoneNumber = normalise(inputs.phoneNumber, settings.DEFAULT_COUNTRY_CODE || '47');
  const externalId = (inputs.externalId || '').trim() || null;
  if (!phoneNumber && !externalId) {
    return unknown(phoneNumber, inputs.queueName, 'no usable phone number');
  }

  let customer;
  try {
    customer = await fromEnvironment(settings).find({ phoneNumber, externalId });
  } catch (error) {
    context.logger.error('lookup failed', { message: error.message });
    return unknown(phoneNumber, inputs.queueName, `lookup failed: ${error.message}`);
  }
  if (!customer) {
    return unknown(phoneNumber, inputs.queueName, 'not a customer');
  }

  // No names and numbers in the log: whoever may read traces need not know who called.
  context.logger.info('caller found', { tier: tier(customer), openClaims: customer.openClaims });
  return {
    found: true,
    phoneNumber,
    customerId: customer.id,
    displayName: customer.name,
    tier: tier(customer),
    priority: priority(customer, inputs.queueName),
    openClaims: customer.openClaims,
    reason: null,
  };
};

function unknown(phoneNumber, queueName, reason) {
  return {
    found: false,
    phoneNumber,
    customerId: null,
    displayName: null,
    tier: null,
    priority: priority(null, queueName),
    openClaims: null,
    reason,
  };
}
