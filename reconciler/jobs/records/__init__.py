"""Records of files on their way to the tenant, whichever job takes them there: read, transformed, checked, set aside."""
