/** The name of what came in the queue and named no job: nothing can do it, so it is not sent again. */
export const MESSAGE = "message";
