/** The rule of the API for new passwords, for people to know before they type one. */
export const PASSWORD_LENGTH_MIN = 12;
export const PASSWORD_RULE = `At least ${PASSWORD_LENGTH_MIN} characters.`;
