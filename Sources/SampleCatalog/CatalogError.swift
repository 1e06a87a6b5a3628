import GRDB

/// What went wrong with the catalog: a code to switch on, what to do next, the place, the cause.
public struct CatalogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure. More may be added; switch with a default.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// A stable word.
        public let rawValue: String

        /// A code by its stable word.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// There is no catalog at the path.
        public static let missing = Code(rawValue: "missing")
        /// The file is no catalog, or it is damaged.
        public static let unreadable = Code(rawValue: "unreadable")
        /// The catalog was written by a newer version.
        public static let tooNew = Code(rawValue: "too-new")
        /// Another process holds the database longer than the waiting time.
        public static let busy = Code(rawValue: "busy")
        /// The disk refused a read or write.
        public static let inputOutput = Code(rawValue: "input-output")
        /// The disk is full; nothing that was recorded before is lost.
        public static let diskFull = Code(rawValue: "disk-full")
        /// The catalog or its folder cannot be written.
        public static let readOnly = Code(rawValue: "read-only")
        /// A filter is not a condition that SQLite understands.
        public static let filterInvalid = Code(rawValue: "filter-invalid")
        /// A data set, shard or sample named by the caller is not in the catalog.
        public static let unknownName = Code(rawValue: "unknown-name")
        /// A change would give two shards one name, or a name that is not allowed.
        public static let nameConflict = Code(rawValue: "name-conflict")
        /// Stored values contradict the schema.
        public static let inconsistent = Code(rawValue: "inconsistent")
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened and what to do next.
    public let message: String
    /// The catalog file, or the name of the data set or shard concerned.
    public let place: String?
    /// What SQLite said.
    public let cause: String?

    /// A failure with its place and cause.
    public init(_ code: Code, _ message: String, place: String? = nil, cause: String? = nil) {
        self.code = code
        self.message = message
        self.place = place
        self.cause = cause
    }

    /// Translates an error of the database.
    init(_ error: any Error, path: String) {
        guard let error = error as? DatabaseError else {
            self =
                error as? CatalogError
                ?? CatalogError(.inputOutput, "The catalog cannot be used.", place: path, cause: "\(error)")
            return
        }
        let cause = error.message ?? "SQLite error \(error.resultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .busy, "Another process is writing the catalog; try again when it is done.", place: path, cause: cause)
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            self.init(
                .unreadable,
                "The catalog is damaged or not a catalog. Move it away and run 'vlmpipe ingest' on the sources again.",
                place: path, cause: cause)
        case .SQLITE_CANTOPEN:
            self.init(
                .missing, "The catalog cannot be opened; check the path and its permissions.", place: path, cause: cause
            )
        case .SQLITE_FULL:
            self.init(
                .diskFull,
                "The disk is full. What was recorded before is kept: make room, then run the same command again.",
                place: path, cause: cause)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            self.init(
                .readOnly,
                "The catalog cannot be written: make its file and folder writable, or use another --workspace.",
                place: path, cause: cause)
        case .SQLITE_CONSTRAINT:
            self.init(.inconsistent, "A row contradicts the catalog's rules.", place: path, cause: cause)
        default:
            self.init(
                .inputOutput, "The catalog cannot be read or written; check the space on the disk.", place: path,
                cause: cause)
        }
    }

    /// The message, preceded by the place and followed by the cause.
    public var description: String {
        (place.map { $0 + ": " } ?? "") + message + (cause.map { " (\($0))" } ?? "")
    }
}
