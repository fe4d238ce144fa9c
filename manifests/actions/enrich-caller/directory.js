'use strict';

/** Invented customers, for running the action without a CRM. */
const CUSTOMERS = [
  { id: 'F-1001', phone: '+4722334455', name: 'Ingrid Solberg', annualPremiumEur: 6200, yearsWithUs: 4, openClaims: 1 },
  { id: 'F-1002', phone: '+4741223344', name: 'Jonas Berg', annualPremiumEur: 480, yearsWithUs: 2, openClaims: 0 },
  { id: 'F-1003', phone: '+298223344', name: 'Sámal Joensen', annualPremiumEur: 900, yearsWithUs: 14, openClaims: 0 },
];

/** Finds a customer by number, or by phone where no customer number was given. */
function find({ phoneNumber, externalId }) {
  const match = externalId
    ? (customer) => customer.id === externalId
    : (customer) => customer.phone === phoneNumber;
  return CUSTOMERS.find(match) || null;
}

module.exports = { find };
