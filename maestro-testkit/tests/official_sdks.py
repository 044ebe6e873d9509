"""Drives a running sandbox with the three official Python SDKs.

    pip install openai anthropic google-genai
    python official_sdks.py http://127.0.0.1:PORT

Prints one line per check and a closing line; exits 1 when a check fails.
"""

import json
import sys
import traceback

import anthropic
import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

BASE = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:18080").rstrip("/")
KEY = "sandbox-key"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def oa(key=KEY):
    return openai.OpenAI(api_key=key, base_url=f"{BASE}/openai/v1", max_retries=0)


def an(key=KEY):
    return anthropic.Anthropic(api_key=key, base_url=f"{BASE}/anthropic", max_retries=0)


def ge(key=KEY):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=f"{BASE}/gemini"))


# OpenAI

CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
FLAT_TOOL = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}


@check
def openai_lists_and_retrieves_models():
    ids = [model.id for model in oa().models.list()]
    assert "sandbox-small" in ids, ids
    assert oa().models.retrieve("sandbox-small").id == "sandbox-small"
    raises(openai.NotFoundError, lambda: oa().models.retrieve("no-such-model"))


@check
def openai_responses_whole_and_streamed_are_equal():
    ask = {"model": "sandbox-small", "input": "Hello there", "instructions": "Be brief"}
    whole = oa().responses.create(**ask)
    assert whole.status == "completed" and "Hello there" in whole.output_text
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
    with oa().responses.stream(**ask) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(deltas) >= 20 and "".join(deltas) == whole.output_text == final.output_text


@check
def openai_responses_tool_round_trip_with_reasoning():
    ask = {
        "model": "sandbox-reasoning",
        "tools": [FLAT_TOOL],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "medium", "summary": "auto"},
    }
    history = [{"role": "user", "content": "please call get_weather"}]
    with oa().responses.stream(input=history, **ask) as stream:
        kinds = [event.type for event in stream]
        first = stream.get_final_response()
    assert "response.reasoning_summary_text.delta" in kinds
    history += [item.model_dump(exclude_none=True) for item in first.output]
    call = next(item for item in first.output if item.type == "function_call")
    assert json.loads(call.arguments) == {"city": "sandbox"}
    raises(openai.BadRequestError, lambda: oa().responses.create(input=history, **ask))
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "18 C"})
    second = oa().responses.create(input=history, **ask)
    assert "18 C" in second.output_text
    history[1]["encrypted_content"] = "x" + history[1]["encrypted_content"]
    error = raises(openai.BadRequestError, lambda: oa().responses.create(input=history, **ask))
    assert error.code == "invalid_encrypted_content"


@check
def openai_responses_incomplete_and_structured():
    cut = oa().responses.create(model="sandbox-small", input="Hello", max_output_tokens=16)
    assert cut.status == "incomplete" and cut.incomplete_details.reason == "max_output_tokens"
    made = oa().responses.create(
        model="sandbox-small",
        input="Hello",
        text={"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}},
    )
    assert json.loads(made.output_text) == {"city": "sandbox"}


@check
def openai_chat_whole_and_streamed_are_equal():
    ask = {"model": "sandbox-small", "messages": [{"role": "user", "content": "Hello there"}]}
    whole = oa().chat.completions.create(**ask)
    assert whole.choices[0].finish_reason == "stop"
    chunks = list(oa().chat.completions.create(stream=True, stream_options={"include_usage": True}, **ask))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content and "Hello there" in text
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
    with oa().chat.completions.stream(**ask) as stream:
        assert stream.get_final_completion().choices[0].message.content == text


@check
def openai_chat_tool_round_trip():
    messages = [{"role": "user", "content": "call get_weather"}]
    ask = {"model": "sandbox-small", "tools": [CHAT_TOOL]}
    first = oa().chat.completions.create(messages=messages, **ask).choices[0]
    assert first.finish_reason == "tool_calls"
    messages.append(first.message.model_dump(exclude_none=True))
    raises(openai.BadRequestError, lambda: oa().chat.completions.create(messages=messages, **ask))
    call = first.message.tool_calls[0]
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "18 C"})
    assert "18 C" in oa().chat.completions.create(messages=messages, **ask).choices[0].message.content


@check
def openai_errors_have_their_classes():
    error = raises(openai.AuthenticationError, lambda: oa("sk-not-a-good-key").models.list())
    assert error.code == "invalid_api_key" and "sk-not-a-good-key" not in str(error)
    say = {"messages": [{"role": "user", "content": "x"}]}
    raises(openai.NotFoundError, lambda: oa().chat.completions.create(model="gpt-nonexistent", **say))
    error = raises(openai.BadRequestError, lambda: oa().responses.create(model="gpt-nonexistent", input="x"))
    assert error.code == "model_not_found"


# Anthropic

TOOL = {"name": "get_weather", "input_schema": SCHEMA}


@check
def anthropic_lists_models_page_by_page():
    ids = [model.id for model in an().models.list(limit=2)]
    assert len(ids) == len(set(ids)) == 5, ids
    assert an().models.retrieve("sandbox-small").type == "model"
    raises(anthropic.NotFoundError, lambda: an().models.retrieve("no-such-model"))


@check
def anthropic_message_whole_and_streamed_are_equal():
    ask = {
        "model": "sandbox-small",
        "max_tokens": 1024,
        "system": "Be brief",
        "messages": [{"role": "user", "content": "Hello there"}],
    }
    whole = an().messages.create(**ask)
    assert whole.stop_reason == "end_turn" and "Hello there" in whole.content[0].text
    with an().messages.stream(**ask) as stream:
        deltas = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(deltas) >= 20 and "".join(deltas) == whole.content[0].text == final.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens


@check
def anthropic_thinking_and_tool_round_trip():
    ask = {
        "model": "sandbox-small",
        "max_tokens": 4096,
        "tools": [TOOL],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    messages = [{"role": "user", "content": "call get_weather"}]
    with an().messages.stream(messages=messages, **ask) as stream:
        first = stream.get_final_message()
    assert [block.type for block in first.content] == ["thinking", "tool_use"]
    assert first.content[1].input == {"city": "sandbox"} and first.stop_reason == "tool_use"
    content = [block.model_dump(exclude_none=True) for block in first.content]
    messages.append({"role": "assistant", "content": content})
    result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "18 C"}
    messages.append({"role": "user", "content": [result]})
    second = an().messages.create(messages=messages, **ask)
    assert "18 C" in second.content[-1].text
    content[0]["thinking"] += "!"
    raises(anthropic.BadRequestError, lambda: an().messages.create(messages=messages, **ask))


@check
def anthropic_counts_tokens():
    say = {"model": "sandbox-small", "messages": [{"role": "user", "content": "Hello there"}]}
    counted = an().messages.count_tokens(**say).input_tokens
    assert counted == an().messages.create(max_tokens=10, **say).usage.input_tokens > 0


@check
def anthropic_errors_have_their_classes():
    raises(anthropic.AuthenticationError, lambda: an("sk-ant-bad").models.list())
    say = {"max_tokens": 10, "messages": [{"role": "user", "content": "x"}]}
    raises(anthropic.NotFoundError, lambda: an().messages.create(model="claude-does-not-exist", **say))
    bad = {"max_tokens": 10, "messages": [{"role": "user", "content": ""}]}
    raises(anthropic.BadRequestError, lambda: an().messages.create(model="sandbox-small", **bad))


# Gemini


@check
def gemini_lists_models_page_by_page():
    client = ge()
    names = [model.name for model in client.models.list(config={"page_size": 2})]
    assert len(names) == len(set(names)) == 5, names
    assert client.models.get(model="sandbox-small").name == "models/sandbox-small"


@check
def gemini_content_whole_and_streamed_are_equal():
    client = ge()
    config = types.GenerateContentConfig(system_instruction="Be brief", temperature=0.5)
    ask = {"model": "sandbox-small", "contents": "Hello there", "config": config}
    whole = client.models.generate_content(**ask)
    chunks = list(client.models.generate_content_stream(**ask))
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text and "Hello there" in whole.text
    assert len(chunks) >= 20 and chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count == whole.usage_metadata.total_token_count


@check
def gemini_thoughts_and_tool_round_trip():
    client = ge()
    declared = types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        thinking_config=types.ThinkingConfig(include_thoughts=True),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    contents = [types.Content(role="user", parts=[types.Part(text="call get_weather")])]
    first = client.models.generate_content(model="gemini-3-pro", contents=contents, config=config)
    call = first.function_calls[0]
    assert call.args == {"city": "sandbox"}
    assert any(part.thought for part in first.candidates[0].content.parts)
    contents.append(first.candidates[0].content)
    result = types.Part.from_function_response(name=call.name, response={"output": "18 C"})
    contents.append(types.Content(role="user", parts=[result]))
    second = client.models.generate_content(model="gemini-3-pro", contents=contents, config=config)
    assert "18 C" in second.text
    for part in contents[1].parts:
        part.thought_signature = None
    ask = {"model": "gemini-3-pro", "contents": contents, "config": config}
    error = raises(genai_errors.ClientError, lambda: client.models.generate_content(**ask))
    assert "thought_signature" in error.message


@check
def gemini_answers_structured_and_counts_tokens():
    client = ge()
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=SCHEMA)
    made = client.models.generate_content(model="sandbox-small", contents="x", config=config)
    assert json.loads(made.text) == {"city": "sandbox"}
    assert client.models.count_tokens(model="sandbox-small", contents="Hello there").total_tokens > 0


@check
def gemini_errors_have_their_classes():
    client = ge("AIza-bad")
    ask = {"model": "sandbox-small", "contents": "x"}
    error = raises(genai_errors.ClientError, lambda: client.models.generate_content(**ask))
    assert error.code == 400 and "API key not valid" in error.message
    client = ge()
    ask["model"] = "gemini-does-not-exist"
    error = raises(genai_errors.ClientError, lambda: client.models.generate_content(**ask))
    assert error.code == 404 and error.status == "NOT_FOUND"


def main():
    failed = 0
    for function in CHECKS:
        try:
            function()
            print(f"ok      {function.__name__}")
        except Exception:
            failed += 1
            print(f"FAILED  {function.__name__}")
            traceback.print_exc()
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed")
    sys.exit(1 if failed else 0)


main()
