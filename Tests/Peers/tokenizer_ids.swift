// tokenizer_ids FOLDER CLEANING CONTEXT_LENGTH: JSON strings of texts on stdin, one a line; JSON arrays of ids on stdout.
// Special strings are recognised, as the reference libraries do. Built by tokenizer_parity.sh with the module's sources.
import Foundation
import Tokenization

let arguments = CommandLine.arguments
guard arguments.count == 4, let cleaning = TextCleaning(rawValue: arguments[2]), let length = Int(arguments[3]) else {
    FileHandle.standardError.write(Data("usage: tokenizer_ids FOLDER CLEANING CONTEXT_LENGTH\n".utf8))
    exit(64)
}
let clock = ContinuousClock()
let start = clock.now
let tokenizer = try TextTokenizer(
    directory: URL(fileURLWithPath: arguments[1]), cleaning: cleaning, specialStrings: .recognised)
let loaded = clock.now
var count = 0
while let line = readLine() {
    let text = try JSONDecoder().decode(String.self, from: Data(line.utf8))
    print("[" + tokenizer.encode(text, contextLength: length).map(String.init).joined(separator: ",") + "]")
    count += 1
}
FileHandle.standardError.write(Data("loaded in \(loaded - start), \(count) texts in \(clock.now - loaded)\n".utf8))
