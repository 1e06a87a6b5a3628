import ByteFormats
import Glibc
import Synchronization

/// Writes images of hits into one folder, and nowhere else whatever their keys say.
///
/// Names are made by `SafeFileName`. Files are made relative to the opened folder, under a temporary name that must not
/// exist, and then linked to their name, which must not exist either: nothing is overwritten and no link is followed. A
/// name that is taken by other bytes gets a number (`cat-2.jpg`); if it is taken by the same bytes, that file is it.
public final class HitExtractor: Sendable {
    private let folder: Int32
    private let directory: String
    private let extractedCount = Atomic<Int>(0)
    /// Numbers tried for one name before giving up.
    static let maximumNumber = 10_000

    /// Opens the folder, making it if it is missing.
    public init(directory: String) throws(ShardError) {
        do throws(ByteFormatError) {
            try Folder.create(directory)
        } catch {
            throw ShardError(
                .inputOutput, "The folder for the images cannot be made; name another one.", path: directory,
                cause: error.message)
        }
        self.directory = directory
        folder = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else {
            throw ShardError(
                .inputOutput, "The folder for the images cannot be opened.", path: directory, cause: systemErrorText())
        }
    }

    deinit {
        _ = close(folder)
    }

    /// Writes one image and returns its path.
    ///
    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - key: the key of the sample, any text.
    ///   - fileExtension: extension that fits the content, such as `jpg`.
    public func extract(_ bytes: [UInt8], key: String, fileExtension: String) throws(ShardError) -> String {
        let name = SafeFileName(key: key, fileExtension: fileExtension)
        let temporary = ".vlmpipe-extract-\(getpid())-\(extractedCount.wrappingAdd(1, ordering: .relaxed).oldValue).tmp"
        // A process of the same number may have been killed here before.
        _ = unsafe unlinkat(folder, temporary, 0)
        try writeTemporary(bytes, name: temporary)
        defer { _ = unsafe unlinkat(folder, temporary, 0) }
        for number in 1...HitExtractor.maximumNumber {
            let candidate = number == 1 ? name : name.numbered(number)
            if unsafe linkat(folder, temporary, folder, candidate.text, 0) == 0 {
                return SourcePath.join(directory, candidate.text)
            }
            guard errno == EEXIST else { throw failure("cannot be given its name", candidate.text) }
            if try holds(candidate.text, bytes) { return SourcePath.join(directory, candidate.text) }
        }
        throw ShardError(
            .destinationExists,
            "\(HitExtractor.maximumNumber) files of this name are there already; name another folder.",
            path: SourcePath.join(directory, name.text))
    }

    private func writeTemporary(_ bytes: [UInt8], name: String) throws(ShardError) {
        let file = unsafe openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failure("cannot be made", name) }
        var done = 0
        while done < bytes.count {
            // The pointer stays inside `bytes` and the closure.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe write(file, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = failure("cannot be written", name)
                _ = close(file)
                _ = unsafe unlinkat(folder, name, 0)
                throw error
            }
            done += count
        }
        guard close(file) == 0 else { throw failure("cannot be written", name) }
    }

    /// Whether the name leads to a regular file, not a link, with exactly these bytes.
    private func holds(_ name: String, _ bytes: [UInt8]) throws(ShardError) -> Bool {
        var status = stat()
        guard unsafe fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0, FileKind(status) == .regular,
            Int(status.st_size) == bytes.count
        else { return false }
        let file = try ReadOnlyFile(path: SourcePath.join(directory, name))
        guard file.facts.byteCount == Int64(bytes.count) else { return false }
        return try file.bytes(0..<Int64(bytes.count)) == bytes
    }

    private func failure(_ what: String, _ name: String) -> ShardError {
        ShardError(
            .inputOutput, "The image \(what); check space and permissions of the folder.",
            path: SourcePath.join(directory, name), cause: systemErrorText())
    }
}
