const config = {
  // A path with a slash at its end is another path, for the server behind to answer.
  skipTrailingSlashRedirect: true,
};
export default config;
