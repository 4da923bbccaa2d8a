/** Errors of starting a server, and of its backups: a part of the table of all errors. */
export const startErrors = {
  // Starting the server
  invalid_settings: {
    status: 400,
    message: '{detail}',
    hint: 'They come from options, the file of --config and variables: docs/reference/settings.md has them all.',
  },
  data_in_use: {
    status: 409,
    message: 'The data folder {path} is in use by another server, process {pid}.',
    hint: 'Stop that one, or give this one a folder of its own with --data.',
  },
  data_unusable: {
    status: 500,
    message: 'The data folder {path} cannot be used: {reason}.',
    hint: 'Let this user write there and make room on its disk, or name another folder with --data.',
  },
  no_data: {
    status: 404,
    message: 'There is no data of a server in {path}.',
    hint: 'Name the folder that `nabla up` was started with: --data FOLDER, or --config with its settings.',
  },
  database_unavailable: {
    status: 503,
    message: 'The database cannot be opened: {reason}.',
    hint: 'Check the setting `database`, and that the database runs and lets this user in.',
  },
  database_damaged: {
    status: 503,
    message: 'The database {path} is damaged: {reason}.',
    hint: 'Put it aside and restore a backup into a new folder with `nabla restore`, then look after the disk.',
  },
  database_newer: {
    status: 409,
    message: 'The database was changed by a newer version of Nabla ({migration}).',
    hint: 'Install that version or a later one, or go back to a backup from before the upgrade.',
  },

  // Backups
  not_empty: {
    status: 409,
    message: 'There is something in {place} already.',
    hint: 'Restore into an empty folder and an empty database: name others with --data and --database.',
  },
  no_backup: {
    status: 404,
    message: 'There is no finished backup in {place}.',
    hint: 'Check the place. A backup that was broken off is finished by running `nabla backup` again.',
  },
  backup_damaged: {
    status: 409,
    message: 'The backup is damaged: {key}, {reason}.',
    hint: 'See all damage with `nabla backup --check`. Delete that object and run `nabla backup` again, or use another backup.',
  },
  backup_unusable: {
    status: 409,
    message: 'The backup cannot be made or used: {reason}.',
    hint: 'Correct what it says, and try again.',
  },
} as const
