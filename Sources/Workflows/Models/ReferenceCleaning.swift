import Foundation
import Tokenization

/// How the library that a checkpoint's folder belongs to cleans texts.
enum ReferenceCleaning {
    /// The part of `open_clip_config.json` that says it.
    private struct Description: Decodable {
        struct Model: Decodable {
            struct Text: Decodable {
                struct Options: Decodable {
                    var clean: String?
                }

                var tokenizerOptions: Options?

                private enum CodingKeys: String, CodingKey {
                    case tokenizerOptions = "tokenizer_kwargs"
                }
            }

            var text: Text

            private enum CodingKeys: String, CodingKey {
                case text = "text_cfg"
            }
        }

        var model: Model

        private enum CodingKeys: String, CodingKey {
            case model = "model_cfg"
        }
    }

    /// open_clip's where its configuration is in the folder, transformers' otherwise.
    ///
    /// - Throws: `WorkflowError` when the configuration cannot be read, `TokenizationError` when the tokenizer's files cannot.
    static func ofCheckpoint(inFolder folder: String) throws -> TextCleaning {
        let path = "\(folder)/open_clip_config.json"
        var name: String?
        if FileManager.default.fileExists(atPath: path) {
            name = try JSONFile.read(Description.self, from: path).model.text.tokenizerOptions?.clean ?? ""
        }
        return try TextTokenizer.referenceCleaning(
            inDirectory: URL(fileURLWithPath: folder), openClipCleaning: name)
    }
}
