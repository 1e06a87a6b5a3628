import Foundation
import Samples
import Shards

/// Keeps what comes on standard input as a file of the workspace, because it can be read only once and its images are
/// needed again.
enum StandardInput {
    private static let blockByteCount = 1 << 20

    /// Reads `input` to its end into `directory`, under a name made of its content, so that the same input is one file;
    /// returns the path. What an earlier, interrupted call left behind is removed.
    ///
    /// - Throws: `WorkflowError`: `noInput` when nothing comes, `inputOutput` when the file cannot be written.
    static func keep(_ input: FileHandle, in directory: String) throws -> String {
        let temporary = directory + "/incoming.tmp"
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            guard FileManager.default.createFile(atPath: temporary, contents: nil) else {
                throw WorkflowError(
                    .inputOutput, "the file cannot be made; check space and permissions", place: temporary)
            }
            let output = try FileHandle(forWritingTo: URL(fileURLWithPath: temporary))
            defer { try? output.close() }
            var hasher = DigestHasher()
            var byteCount = 0
            while let block = try input.read(upToCount: blockByteCount), !block.isEmpty {
                hasher.update(Array(block))
                try output.write(contentsOf: block)
                byteCount += block.count
            }
            guard byteCount > 0 else {
                throw WorkflowError(.noInput, "standard input is empty: is the command before the '|' right?")
            }
            try output.synchronize()
            let path = "\(directory)/stdin-\(hasher.finalize().shortName).tar"
            // One writer at a time holds the workspace, so nobody else makes this name.
            if FileManager.default.fileExists(atPath: path) {
                try FileManager.default.removeItem(atPath: temporary)
            } else {
                try FileManager.default.moveItem(atPath: temporary, toPath: path)
            }
            return path
        } catch let error as WorkflowError {
            throw error
        } catch {
            throw WorkflowError(
                .inputOutput, "standard input cannot be kept; check the space on the disk", place: directory,
                cause: error)
        }
    }
}
