'use strict';

/** Stands in for zod, with the little of it that the action under test uses, so that the tests need no package registry. */

class Type {
  constructor(check) {
    this.check = check;
  }

  refine(check) {
    return new Type((value) => this.check(value) && check(value));
  }

  optional() {
    return new Type((value) => value === undefined || this.check(value));
  }

  nullable() {
    return new Type((value) => value === null || this.check(value));
  }

  min(length) {
    return this.refine((value) => value.length >= length);
  }

  datetime() {
    return this.refine((value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/.test(value));
  }
}

const string = () => new Type((value) => typeof value === 'string');
const boolean = () => new Type((value) => typeof value === 'boolean');

const object = (shape) => ({
  parse(value) {
    const wrong = Object.keys(shape).filter((name) => !shape[name].check(value[name]));
    if (wrong.length > 0) {
      throw Object.assign(new Error(`invalid: ${wrong.join(', ')}`), { name: 'ZodError' });
    }
    return Object.fromEntries(Object.keys(shape).filter((name) => name in value).map((name) => [name, value[name]]));
  },
});

module.exports = { z: { object, string, boolean } };
