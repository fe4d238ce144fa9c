'use strict';

const GOLD_PREMIUM_EUR = 5000;
const SILVER_PREMIUM_EUR = 1500;
const LOYAL_YEARS = 10;

/** A customer's tier, by what they pay in a year; long-standing customers move up one. */
function tier(customer) {
  const tiers = ['standard', 'silver', 'gold'];
  let level = 0;
  if (customer.annualPremiumEur >= GOLD_PREMIUM_EUR) {
    level = 2;
  } else if (customer.annualPremiumEur >= SILVER_PREMIUM_EUR) {
    level = 1;
  }
  if (customer.yearsWithUs >= LOYAL_YEARS) {
    level += 1;
  }
  return tiers[Math.min(level, tiers.length - 1)];
}

/** How urgent a call is, 0 to 100. An open claim in the claims queue weighs most: somebody is waiting for help. */
function priority(customer, queueName) {
  if (!customer) {
    return 20;
  }
  const base = { standard: 30, silver: 45, gold: 60 }[tier(customer)];
  const claims = customer.openClaims > 0 ? 20 : 0;
  const queue = queueName === 'claims' && customer.openClaims > 0 ? 10 : 0;
  return Math.min(base + claims + queue, 100);
}

module.exports = { priority, tier };
