/*
 * What lint finds: LINT(NAME, code, severity, meaning). The codes are stable: CI jobs filter by them.
 *   severity  WARNING or ERROR; a document with errors has a role that does not resolve, or a constraint
 *             that no call can meet
 */
LINT(UNDEFINED_FUNCTION, "undefined-function", WARNING,
     "a capability names a function that the document does not declare and the runtime does not "
     "have")
LINT(NO_SUCH_HELPER, "no-such-helper", WARNING,
     "a function is named like a BPF helper that this runtime does not have")
LINT(NARROW_RETURN, "narrow-return", WARNING,
     "a helper is declared with a result narrower than it has")
LINT(HELPER_PARAMS, "helper-parameters", WARNING, "a helper is declared with another number of parameters than it has")
LINT(PROSE, "prose-constraint", WARNING,
     "a constraint is prose, so nothing enforces it (an error when strict)")
LINT(UNKNOWN_NAME, "unknown-name", ERROR,
     "a constraint speaks of something that its function does not have")
LINT(UNKNOWN_TYPE, "unknown-type", WARNING,
     "a type is neither declared nor built in nor C, so only the host's BTF can know it")
LINT(TYPE_CYCLE, "type-cycle", ERROR, "a type is its own base")
LINT(UNKNOWN_CAPABILITY, "unknown-capability", ERROR,
     "a role holds a capability that is not defined")
LINT(UNUSED_CAPABILITY, "unused-capability", WARNING, "no role holds a capability")
LINT(UNKNOWN_ROLE, "unknown-role", ERROR, "a role inherits one that is not defined, or an export names one")
LINT(INHERIT_CYCLE, "inherit-cycle", ERROR, "a role inherits itself")
LINT(TOO_MANY, "too-many", ERROR, "a role inherits more roles or attributes than the limits allow")
LINT(ATTRIBUTE_CONFLICT, "attribute-conflict", ERROR,
     "two inherited roles set an attribute differently")
LINT(ATTRIBUTE_VALUE, "attribute-value", ERROR, "an attribute has a value that it cannot have")
LINT(SKIP_VERIFICATION, "skip-verification", ERROR, "a role asks for programs to run unverified")
LINT(CUSTOM_ATTRIBUTE, "custom-attribute", WARNING,
     "an attribute is not built in and no function requires it")
LINT(REQUIREMENT, "requirement-not-held", WARNING,
     "a role holds a function whose required attribute it does not have, so its programs cannot call it")
LINT(CONTRADICTION, "contradiction", ERROR,
     "constraints of a function contradict each other, so no call can meet them")
LINT(UNSAID_POINTER, "unsaid-pointer", WARNING,
     "nothing says what a pointer parameter of a host function leads to, so a default is asked for, or it cannot be called")
