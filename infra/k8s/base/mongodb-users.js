// Run once, by the image, on an empty volume: the service's own user, who may read and write its one database.
const { SERVICE, SERVICE_PASSWORD } = process.env;
db.getSiblingDB(SERVICE).createUser({
  user: SERVICE,
  pwd: SERVICE_PASSWORD,
  roles: [{ role: "readWrite", db: SERVICE }],
});
