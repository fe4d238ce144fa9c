'use strict';

const { z } = require('zod');
const { Crm } = require('./crm-client');
const { CrmTokens } = require('./token-manager');

const Inputs = z.object({ externalId: z.string().min(1), phoneNumber: z.string().optional() });
const Outputs = z.object({
  crmRecordId: z.string().nullable(),
  customerTier: z.string().nullable(),
  lastInteractionDate: z.string().datetime().nullable(),
  enrichmentSuccess: z.boolean(),
  errorDetails: z.string().nullable(),
});

/** Enriches a contact from the CRM. It answers whatever happens: a flow goes on without the CRM. */
module.exports = async (context, inputs) => {
  context.logger.info('enrichment started', { externalId: inputs.externalId });
  try {
    const { externalId } = Inputs.parse(inputs);
    const environment = process.env;
    const tokens = new CrmTokens(environment.CRM_CLIENT_ID, environment.CRM_CLIENT_SECRET, environment.CRM_TOKEN_URL);
    const contact = await new Crm(tokens, environment.CRM_API_BASE_URL).contact(externalId);
    const attributes = contact.attributes || {};
    const output = Outputs.parse({
      crmRecordId: contact.id,
      customerTier: attributes.tier || 'standard',
      lastInteractionDate: attributes.last_interaction || null,
      enrichmentSuccess: true,
      errorDetails: null,
    });
    context.logger.info('enrichment done', { tier: output.customerTier });
    return output;
  } catch (error) {
    context.logger.error('enrichment failed', { error: error.message });
    return Outputs.parse({
      crmRecordId: null,
      customerTier: null,
      lastInteractionDate: null,
      enrichmentSuccess: false,
      errorDetails: error.message,
    });
  }
};
